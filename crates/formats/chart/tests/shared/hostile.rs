//! Charts that want to take time, memory, or what is not theirs. Each is refused.

use super::fixed::Fixed;
use refloat_chart::{RenderOptions, load, load_archive, render_templates, values};
use refloat_template::Map;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

/// What came of a case: nothing if it was let through.
pub type Outcome = Result<(), String>;

/// A name, and what it does.
type Case = (&'static str, fn() -> Outcome);

/// All of them.
pub const CASES: &[Case] = &[
    ("a template that includes itself", || {
        template("{{ define \"a\" }}{{ include \"a\" . }}{{ end }}{{ include \"a\" . }}")
    }),
    ("a text that gives itself to tpl", || {
        template("{{ $x := \"{{ tpl .t . }}\" }}{{ tpl $x (dict \"t\" $x) }}")
    }),
    ("parentheses within parentheses", || {
        template(&format!(
            "{{{{ {}1{} }}}}",
            "(".repeat(100_000),
            ")".repeat(100_000)
        ))
    }),
    ("loops within loops", || {
        let open = "{{ range until 1000 }}";
        template(&format!("{}{}", open.repeat(4), "{{ end }}".repeat(4)))
    }),
    ("a range over ten thousand million", || {
        template("{{ range 10000000000 }}{{ end }}")
    }),
    ("an output of a gigabyte", || {
        template("{{ range until 100000 }}{{ repeat 10000 \"x\" }}{{ end }}")
    }),
    ("a text of a gigabyte", || {
        template("{{ repeat 1000000000 \"x\" }}")
    }),
    ("an indentation of a gigabyte", || {
        template("{{ indent 1000000000 \"x\" }}")
    }),
    ("a width of a gigabyte", || {
        template("{{ printf \"%1000000d\" 1 | repeat 1000 }}")
    }),
    ("a text that doubles", || {
        template("{{ $x := \"xx\" }}{{ range until 60 }}{{ $x = print $x $x }}{{ end }}")
    }),
    ("a list that doubles", || {
        template("{{ $x := list 1 2 }}{{ range until 60 }}{{ $x = concat $x $x }}{{ end }}")
    }),
    ("a text of a million lines, cut", || {
        template("{{ $x := repeat 50000000 \"a,\" }}{{ len (splitList \",\" $x) }}")
    }),
    ("a map that is copied into itself", || {
        template(
            "{{ $m := dict \"a\" 1 }}{{ range until 60 }}{{ $_ := set $m (toString .) (deepCopy $m) }}{{ end }}",
        )
    }),
    ("a text of YAML that is read again and again", || {
        template(
            "{{ $y := repeat 100000 \"- {a: {b: c}}\\n\" }}{{ $l := list }}{{ range until 10000 }}{{ $l = append $l (fromYamlArray $y) }}{{ end }}",
        )
    }),
    ("a list of a thousand million", || {
        template("{{ len (until 1000000000) }}")
    }),
    ("a map that grows", || {
        template(
            "{{ $m := dict }}{{ range $i := until 3000 }}{{ range $j := until 3000 }}{{ $_ := set $m (printf \"%d-%d\" $i $j) (dict \"a\" $j) }}{{ end }}{{ end }}",
        )
    }),
    ("a map within itself", || {
        template(
            "{{ $m := dict }}{{ $_ := set $m \"m\" $m }}{{ range until 1000 }}{{ toYaml $m | fail }}{{ end }}",
        )
    }),
    ("aliases that multiply, in values", || {
        rendered(&[("values.yaml", &bomb())], "")
    }),
    ("aliases that multiply, given to fromYaml", || {
        chart(&[
            (
                "templates/t.yaml",
                "{{ fail (index (.Files.Get \"bomb\" | fromYaml) \"Error\") }}",
            ),
            ("bomb", &bomb()),
        ])
    }),
    ("values of 100 MB", || {
        values::read(&format!("a: {}\n", "x".repeat(100_000_000))).map(drop)
    }),
    ("a values file of 100 MB in the chart", || {
        rendered(
            &[("values.yaml", &format!("a: {}\n", "x".repeat(100_000_000)))],
            "",
        )
    }),
    ("a schema at an address", || {
        chart(&[(
            "values.schema.json",
            "{\"$ref\": \"http://127.0.0.1:1/schema.json\"}",
        )])
    }),
    ("a schema in a file", || {
        chart(&[("values.schema.json", "{\"$ref\": \"file:///etc/passwd\"}")])
    }),
    ("a file above the chart", || {
        chart(&[(
            "templates/t.yaml",
            "{{ .Files.Get \"../../etc/passwd\" | required \"nothing there\" }}",
        )])
    }),
    ("an archive with a path upwards", || {
        load_archive(&archive("c/../../etc/x", tar::EntryType::Regular))
            .map(drop)
            .map_err(|error| error.to_string())
    }),
    ("an archive with a link", || {
        load_archive(&archive("c/values.yaml", tar::EntryType::Symlink))
            .map(drop)
            .map_err(|error| error.to_string())
    }),
    ("an archive of a gigabyte of zeros", || {
        load_archive(&zeros())
            .map(drop)
            .map_err(|error| error.to_string())
    }),
];

/// The peak of this process's memory; 0 where the system does not tell.
pub fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    number
        .and_then(|number| number.trim().parse().ok())
        .unwrap_or(0)
}

fn template(text: &str) -> Outcome {
    chart(&[("templates/t.yaml", text)])
}

fn chart(files: &[(&str, &str)]) -> Outcome {
    rendered(files, "")
}

fn rendered(files: &[(&str, &str)], given: &str) -> Outcome {
    let metadata = ("Chart.yaml", "apiVersion: v2\nname: c\nversion: 0.1.0\n");
    let files = files.iter().chain([&metadata]);
    let files: BTreeMap<_, _> = files
        .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()))
        .collect();
    let chart = load(files).map_err(|error| error.to_string())?;
    let given: Map = values::read(given)?;
    let options = RenderOptions::new("rel", "default");
    let files = render_templates(&chart, &given, &options, &Fixed);
    files.map(drop).map_err(|error| error.to_string())
}

fn bomb() -> String {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let inner = vec![format!("*a{}", level - 1); 9].join(", ");
        let _ = writeln!(text, "a{level}: &a{level} [{inner}]");
    }
    text
}

fn archive(path: &str, kind: tar::EntryType) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let metadata = b"apiVersion: v2\nname: c\nversion: 0.1.0\n";
    for (name, kind, content) in [
        ("c/Chart.yaml", tar::EntryType::Regular, metadata.as_slice()),
        (path, kind, b"".as_slice()),
    ] {
        let mut header = tar::Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        if kind == tar::EntryType::Symlink {
            header.set_link_name("/etc/passwd").expect("it fits");
        }
        header.set_cksum();
        builder.append(&header, content).expect("memory takes it");
    }
    packed(&builder.into_inner().expect("memory takes it"))
}

/// A gigabyte that is a megabyte on its way.
fn zeros() -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_path("c/values.yaml").expect("it fits");
    header.set_size(1 << 30);
    header.set_mode(0o644);
    header.set_cksum();
    let mut bytes = packed(header.as_bytes());
    // A gzip file may have many members: this one is packed once.
    let zeros = packed(&vec![0; 1 << 20]);
    for _ in 0..1024 {
        bytes.extend_from_slice(&zeros);
    }
    bytes
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}
