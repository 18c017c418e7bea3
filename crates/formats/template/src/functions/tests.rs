//! Every function by example. What is expected was printed by Helm's engine.

use crate::{Context, Map, MapKind, Set, Value};

fn rendered(text: &str) -> String {
    let values = Map::of(MapKind::Values, [("a".into(), Value::Float(1.0))].into());
    let data: Map = [("Values", Value::Map(values))].into_iter().collect();
    let set = Set::parse(&[("c/templates/t.yaml", text)]);
    let done = set.and_then(|set| {
        set.render(
            "c/templates/t.yaml",
            &Value::Map(data),
            &mut Context::default(),
        )
    });
    done.unwrap_or_else(|error| format!("ERROR: {error}"))
}

#[test]
fn functions_print_what_helm_prints() {
    let cases = [
        (
            r#"{{ trim "  a b\n" }}|{{ trimAll "$" "$5$" }}|{{ trimPrefix "a" "ab" }}|{{ trimSuffix "b" "ab" }}"#,
            "a b|5|b|a",
        ),
        (
            r#"{{ upper "aé" }}{{ lower "AÉ" }}{{ title "hello wide-world" }}{{ untitle "Hello World" }}{{ swapcase "aBc" }}"#,
            "AÉaéHello Wide-Worldhello worldAbC",
        ),
        (
            r#"{{ repeat 3 "ab" }}{{ substr 1 3 "hello" }}{{ substr -1 2 "hello" }}{{ substr 2 -1 "hello" }}{{ trunc 3 "hello" }}{{ trunc -3 "hello" }}"#,
            "abababelhellohelllo",
        ),
        (
            r#"{{ nospace " a b c " }}{{ initials "First Try" }}{{ abbrev 6 "hello world" }}{{ abbrevboth 5 10 "1234 5678 9123" }}"#,
            "abcFThel......5678...",
        ),
        (
            r#"{{ contains "b" "abc" }}{{ hasPrefix "a" "abc" }}{{ hasSuffix "a" "abc" }}{{ replace "a" "b" "aac" }}{{ plural "one" "many" 2 }}"#,
            "truetruefalsebbcmany",
        ),
        (
            r#"{{ snakecase "FirstName HTTPServer2x" }} {{ kebabcase "FirstName" }} {{ camelcase "http_server-name x" }}"#,
            "first_name_http_server_2x first-name HttpServerNameX",
        ),
        (
            r#"{{ wrap 5 "aaa bbb ccccccc d" }}|{{ wrapWith 3 "-" "aaaaaaa bb" }}"#,
            "aaa\nbbb\nccccccc\nd|aaa-aaa-a-bb",
        ),
        (
            r#"{{ quote "a\"b" 1 nil true }}{{ squote "a" 1.5 }}{{ cat "a" 1 nil "b" }}"#,
            r#""a\"b" "1" "true"'a' '1.5'a 1 b"#,
        ),
        (
            r#"{{ indent 2 "a\nb" }}{{ nindent 2 "a" }}"#,
            "  a\n  b\n  a",
        ),
        (
            r#"{{ join "-" (list 1 "a" nil true) }}{{ splitList "," "a,b" }}{{ (split "," "a,b")._1 }}{{ splitn "," 2 "a,b,c" }}{{ (split "," "a")._7 }}"#,
            "1-a-true[a b]bmap[_0:a _1:b,c]",
        ),
        (
            r#"{{ toString 5.0 }}{{ toStrings (list 1 nil "a") }}{{ int "0x10" }}{{ int 3.9 }}{{ int64 "5.0" }}{{ float64 "2.5" }}{{ atoi "x" }}{{ toDecimal "0777" }}"#,
            "5[1 a]16352.50511",
        ),
        (
            "{{ add 1 2 3 }}{{ sub 5 2 }}{{ mul 2 3 4 }}{{ div 7 2 }}{{ mod 7 3 }}{{ add1 1 }}{{ max 1 5 3 }}{{ min 4 2 }}",
            "632431252",
        ),
        (
            "{{ addf 0.1 0.2 }} {{ subf 1 0.9 }} {{ mulf 1.1 3 }} {{ divf 10 3 }} {{ maxf 1 2.5 }} {{ round 3.14159 2 }} {{ ceil 1.2 }} {{ floor -1.2 }}",
            "0.3 0.1 3.3 3.3333333333333335 2.5 3.14 2 -2",
        ),
        (
            "{{ until 3 }}{{ untilStep 3 0 -1 }}{{ seq 3 }}|{{ seq 2 5 }}|{{ seq 5 -2 0 }}|{{ seq 0 }}",
            "[0 1 2][3 2 1]1 2 3|2 3 4 5|5 3 1|1 0",
        ),
        (
            r#"{{ list 1 "a" nil }}{{ first (list 1 2) }}{{ last (list 1 2) }}{{ rest (list 1 2) }}{{ initial (list 1 2) }}{{ append (list 1) 2 }}{{ prepend (list 1) 0 }}"#,
            "[1 a <nil>]12[2][1][1 2][0 1]",
        ),
        (
            r#"{{ reverse (list 1 2) }}{{ uniq (list 1 1 1.0 "1") }}{{ compact (list 0 "" 1 nil) }}{{ without (list 1 2 3) 2 }}{{ has 2 (list 1 2) }}{{ has "x" nil }}"#,
            "[2 1][1 1 1][1][1 3]truefalse",
        ),
        (
            r#"{{ slice (list 1 2 3) 1 2 }}{{ concat (list 1) (list 2) }}{{ chunk 2 (list 1 2 3) }}{{ sortAlpha (list "b" 1 "a") }}{{ concat (list) (list) | toJson }}{{ rest (list) | toYaml }}"#,
            "[2][1 2][[1 2] [3]][1 a b]nullnull",
        ),
        (
            r#"{{ $d := dict "a" 1 "b" (dict "c" 2) }}{{ $_ := set $d "x" 9 }}{{ $d }}{{ hasKey $d "x" }}{{ $_ = unset $d "x" }}{{ get $d "q" }}{{ keys $d | sortAlpha }}{{ pick $d "a" }}{{ omit $d "a" }}{{ pluck "a" $d (dict "a" 2) }}{{ dig "b" "c" 0 $d }}{{ dig "b" "z" 7 $d }}"#,
            "map[a:1 b:map[c:2] x:9]true[a b]map[a:1]map[b:map[c:2]][1 2]27",
        ),
        (
            r#"{{ merge (dict "a" 1 "m" (dict "x" 1)) (dict "a" 2 "b" 3 "m" (dict "x" 2 "y" 3)) }}{{ mergeOverwrite (dict "a" 1 "l" (list 1)) (dict "a" 0 "l" (list 2) "n" nil) }}"#,
            "map[a:1 b:3 m:map[x:1 y:3]]map[a:0 l:[2] n:<nil>]",
        ),
        (
            r#"{{ default 1 0 }}{{ default 1 2 }}{{ default "x" "" }}{{ empty false }}{{ empty "a" }}{{ coalesce 0 "" 5 }}{{ all 1 0 }}{{ any 0 1 }}{{ ternary 1 2 true }}{{ 5 | default nil }}"#,
            "12xtruefalse5falsetrue15",
        ),
        (
            r#"{{ typeOf 1 }} {{ typeOf 1.0 }} {{ typeOf (list) }} {{ typeOf (dict) }} {{ typeOf nil }} {{ typeOf (add 1 2) }} {{ kindOf (until 1) }} {{ typeOf (splitList "," "a") }} {{ typeOf .Values }} {{ kindIs "map" .Values }} {{ typeOf (split "," "a") }}"#,
            "int float64 []interface {} map[string]interface {} <nil> int64 slice []string common.Values true map[string]string",
        ),
        (
            r#"{{ deepEqual (list 1 2) (list 1 2) }}{{ deepEqual (list "a") (splitList "," "a") }}{{ deepEqual 1 1.0 }}"#,
            "truefalsefalse",
        ),
        (
            r#"{{ eq 1 1 }}{{ eq "a" "b" "a" }}{{ ne 1 2 }}{{ lt 1 2 }}{{ le "a" "b" }}{{ gt 2.5 1.5 }}{{ ge 1 1 }}{{ eq nil nil }}{{ not 0 }}{{ and 1 0 2 }}{{ or 0 "" 3 }}"#,
            "truetruetruetruetruetruetruetruetrue03",
        ),
        (
            r#"{{ index (list 1 2) 1 }}{{ index (dict "a" (list 5)) "a" 0 }}{{ len "abc" }}{{ len (list 1) }}{{ print 1 2 "a" "b" 3 }}{{ println "a" 1 }}{{ html "<a>" }}{{ urlquery "a b&c" }}{{ js "it's" }}"#,
            "25311 2ab3a 1\n&lt;a&gt;a+b%26cit\\'s",
        ),
        (
            r#"{{ b64enc "hi" }}{{ b64dec "aGk=" }}{{ b64dec "a%" }}{{ b32enc "hi" }}{{ b32dec "NBUQ====" }}{{ sha1sum "a" }}{{ adler32sum "a" }}"#,
            "aGk=hiillegal base64 data at input byte 1NBUQ====hi86f7e437faa5a7fce15d1ddcb9eaeaea377667b86422626",
        ),
        (
            r#"{{ sha256sum "a" }}"#,
            "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
        ),
        (
            r#"{{ base "a/b.c" }}{{ dir "a/b.c" }}{{ ext "a/b.c" }}{{ clean "a/../b/./c" }}{{ isAbs "/a" }}"#,
            "b.ca.cb/ctrue",
        ),
        (
            r#"{{ regexMatch "^[a-z]+$" "abc" }}{{ regexFind "[0-9]+" "a12b3" }}{{ regexFindAll "[0-9]" "a1b2c3" 2 }}{{ regexReplaceAll "a(x*)b" "-ab-axxb-" "${1}W" }}{{ regexReplaceAllLiteral "a" "ba" "$0" }}{{ regexSplit "," "a,b,c" 2 }}{{ regexQuoteMeta "1.5+" }}{{ regexMatch "\\w{2}é" "abé" }}{{ regexFind "[^\\d]" "1x" }}"#,
            r"true12[1 2]-W-xxW-b$0[a b,c]1\.5\+truex",
        ),
        (
            r#"{{ semverCompare ">=1.19-0" "1.20.3-gke.1" }}{{ semverCompare "^1.2" "1.9.0" }}{{ semverCompare "~1.2.3" "1.3.0" }}{{ semverCompare "1.2 - 1.4 || >3" "v1.3" }}{{ semverCompare ">1.0" "1.0.5" }}{{ (semver "v1.2.3-a+b").Minor }}{{ semver "v1.2" }}{{ (semver "1.2.3-rc.1").Prerelease }}"#,
            "truetruefalsetruefalse21.2.0rc.1",
        ),
        (
            r#"{{ urlParse "https://u:p@h:80/p?q=1#f" }}{{ urlJoin (dict "scheme" "http" "host" "h" "path" "/p q" "query" "a=b") }}"#,
            "map[fragment:f host:h:80 hostname:h opaque: path:/p query:q=1 scheme:https userinfo:u:p]http://h/p%20q?a=b",
        ),
        (
            r#"{{ toYaml (dict "b" (list 1 "y") "a" "x: y") }}{{ toJson (dict "a" "<&>") }}{{ toRawJson "<" }}{{ toPrettyJson (dict "a" (list 1)) }}"#,
            "a: 'x: y'\nb:\n- 1\n- \"y\"{\"a\":\"\\u003c\\u0026\\u003e\"}\"<\"{\n  \"a\": [\n    1\n  ]\n}",
        ),
        (
            r#"{{ fromYaml "a: [1, yes]" }}{{ fromYamlArray "[1]" }}{{ fromJson "{\"a\": 1e3}" }}{{ fromJson "[1]" }}{{ fromJsonArray "x" }}{{ (fromYaml "- a").Error }}"#,
            "map[a:[1 true]][1]map[a:1000]map[Error:json: cannot unmarshal array into Go value of type map[string]interface {}][invalid character 'x' looking for beginning of value]error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}",
        ),
        (
            r#"{{ toToml (dict "a" 1 "b" (dict "c" "x" "d" (list 1 2)) "t" (list (dict "k" true))) }}"#,
            "a = 1\n\n[b]\n  c = \"x\"\n  d = [1, 2]\n\n[[t]]\n  k = true\n",
        ),
        (
            r#"{{ toYamlPretty (dict "a" (list 1 (dict "b" 2.0))) }}"#,
            "a:\n  - 1\n  - b: 2",
        ),
        (
            r#"{{ date "2006-01-02T15:04:05Z07:00" 0 }} {{ dateInZone "Mon Jan _2 3:04PM" 951827696 "UTC" }} {{ unixEpoch (toDate "2006-01-02" "2020-02-29") }} {{ (toDate "2006-01-02" "2020-02-29").Year }} {{ dateModify "-1.5h" (toDate "2006-01-02" "2020-03-01") | date "15:04" }}"#,
            "1970-01-01T00:00:00Z Tue Feb 29 12:34PM 1582934400 2020 22:30",
        ),
        (
            r#"{{ duration "95" }} {{ durationRound "2h10m5s" }} {{ duration 5 }} {{ htmlDate 86400 }}"#,
            "1m35s 2h 0s 1970-01-02",
        ),
        (
            r#"{{ printf "%s-%d" "a" 5 }}{{ printf "%v" .Values.missing }}{{ printf "%s" .Values.missing }}"#,
            "a-5<nil>%!s(<nil>)",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(rendered(text), expected, "{text}");
    }
}

#[test]
fn names_are_unique() {
    let all: Vec<&str> = super::TABLES
        .into_iter()
        .flatten()
        .map(|one| one.name)
        .collect();
    let unique: std::collections::BTreeSet<&str> = all.iter().copied().collect();
    assert_eq!(all.len(), unique.len());
    assert!(all.len() > 230, "{}", all.len());
}

#[test]
fn secrets_follow_from_what_is_given() {
    // The vector of sprig's own tests.
    let derived = r#"{{ derivePassword 1 "long" "password" "user" "example.com" }}"#;
    assert_eq!(rendered(derived), "ZedaFaxcZaso9*");
    let kept = r#"{{ "30tEfhuJSVRhpG97XCuWgz2okj7L8vQ1s6V9zVUPeDQ=" | decryptAES "secretkey" }}"#;
    assert_eq!(rendered(kept), "plaintext");
}

#[test]
fn without_an_oracle_nothing_is_random() {
    for name in [
        "now",
        "randAlphaNum 5",
        "uuidv4",
        "genCA \"x\" 1",
        "bcrypt \"x\"",
    ] {
        let found = rendered(&format!("\n{{{{ {name} }}}}"));
        let function = name.split(' ').next().unwrap_or_default();
        let expected = format!("ERROR: unsupported: function {function}, c/templates/t.yaml:2");
        assert_eq!(found, expected);
    }
}
