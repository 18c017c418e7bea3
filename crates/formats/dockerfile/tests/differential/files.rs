//! Dockerfiles and invocations, drawn.

use crate::draw::Draw;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A file and what it is built with.
#[derive(Debug, Clone)]
pub struct Case {
    pub text: String,
    pub target: Option<String>,
    pub platform: &'static str,
    pub build_platform: &'static str,
    pub arguments: BTreeMap<String, String>,
    pub contexts: BTreeMap<String, String>,
    pub triggers: BTreeMap<String, Vec<String>>,
}

const PLATFORMS: [&str; 5] = [
    "linux/amd64",
    "linux/arm64",
    "linux/arm/v7",
    "linux/arm/v6",
    "linux/riscv64",
];
const VARIABLES: [&str; 8] = ["V", "W", "TAG", "IMG", "REG", "EMPTY", "v", "VV"];
const VALUES: [&str; 14] = [
    "12",
    "3.4",
    "latest",
    "debian",
    "alpine",
    "b",
    "1-slim",
    "\"quoted\"",
    "'single'",
    "",
    "\"a\"",
    "x.y.z",
    "a\\b",
    "two-three-four",
];
const STAGES: [&str; 7] = ["a", "b", "Build", "final", "c-1", "x_y", "deps.2"];
const IMAGES: [&str; 22] = [
    "debian",
    "debian:12",
    "alpine:3.20",
    "docker.io/library/debian",
    "docker.io/debian:12",
    "index.docker.io/library/alpine",
    "user/app",
    "user/app:1.2-slim",
    "ghcr.io/o/p:v1",
    "localhost/x",
    "localhost:5000/x/y:z",
    "registry.example.com:8443/team/base",
    "debian@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "debian:12@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "ghcr.io/o/p@sha256:fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210",
    "scratch",
    "scratch",
    "a.b/c",
    "a/b/c/d:e",
    "x__y/z",
    "UPPER",
    "bad:-tag",
];
/// `{}` is a variable's name.
const EXPRESSIONS: [&str; 34] = [
    "$@",
    "${@}",
    "${@:-12}",
    "${@-12}",
    "${@:+7}",
    "${@+7}",
    "${@:-$W}",
    "${@:-${TAG:-q}}",
    "${@#*.}",
    "${@##*.}",
    "${@%.*}",
    "${@%%.*}",
    "${@%%-*}",
    "${@#*-}",
    "${@##*-}",
    "${@/-/.}",
    "${@//-/.}",
    "${@/e/E}",
    "${@//[/x}",
    "${@:?must}",
    "${@?must}",
    "\"$@\"",
    "'$@'",
    "\\$@",
    "$@x",
    "${@}x",
    "${@:-'q'}",
    "${@:-\"q r\"}",
    "${@#?}",
    "${@%?}",
    "${@/o*/x}",
    "${@:-a:b}",
    "${@:-}",
    "${@#\\*}",
];

/// Draws a case.
pub fn case(draw: &mut Draw) -> Case {
    let mut pen = Pen::new(draw);
    pen.head();
    if pen.draw.chance(70) {
        // Most names have a value, so that most files can be built.
        let value = pen.draw.one(&VALUES[..7]);
        for name in VARIABLES {
            if pen.draw.chance(80) {
                pen.line(&format!("ARG {name}={value}"));
            }
        }
    }
    for _ in 0..pen.draw.below(4) {
        let line = pen.global();
        pen.line(&line);
    }
    let stages = 1 + pen.draw.below(4);
    for index in 0..stages {
        pen.stage(index);
    }
    let text = pen.finished();
    let names = pen.names.clone();
    let target = draw.chance(30).then(|| match draw.below(6) {
        0 => draw.below(stages + 1).to_string(),
        1 => "nothing".to_owned(),
        _ if names.is_empty() => "0".to_owned(),
        _ => {
            let name = draw.below(names.len());
            cased(draw, &names[name])
        }
    });
    let mut arguments = BTreeMap::new();
    for _ in 0..draw.below(4) {
        let value = draw.one(&["9", "edge", "alpine", "", "a", "b-c", "a b", "$V"]);
        arguments.insert(draw.one(&VARIABLES).to_owned(), value.to_owned());
    }
    if draw.chance(4) {
        let name = draw.one(&[
            "TARGETARCH",
            "TARGETPLATFORM",
            "BUILDPLATFORM",
            "TARGETSTAGE",
        ]);
        arguments.insert(
            name.to_owned(),
            draw.one(&["linux/arm64", "arm64", "x"]).to_owned(),
        );
    }
    if draw.chance(3) {
        arguments.insert(
            "BUILDKIT_SYNTAX".to_owned(),
            draw.one(&[
                "docker/dockerfile:1",
                "docker/dockerfile-upstream:master x",
                "own/front",
            ])
            .to_owned(),
        );
    }
    Case {
        text,
        target,
        platform: draw.one(&PLATFORMS),
        build_platform: draw.one(&PLATFORMS[..3]),
        arguments,
        contexts: contexts(draw),
        triggers: triggers(draw),
    }
}

fn contexts(draw: &mut Draw) -> BTreeMap<String, String> {
    let mut contexts = BTreeMap::new();
    if !draw.chance(20) {
        return contexts;
    }
    for _ in 0..=draw.below(2) {
        let key = draw.one(&[
            "a",
            "b",
            "build",
            "debian",
            "debian:12",
            "alpine:3.20",
            "user/app",
            "ghcr.io/o/p:v1",
            "final",
            "debian::linux/arm64",
            "a::linux/amd64",
            "tools",
        ]);
        let value = draw.one(&[
            "docker-image://replaced:1",
            "docker-image://ghcr.io/r/s",
            "docker-image://replaced@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "docker-image://docker.io/library/alpine:3.20",
        ]);
        let key = if key == "debian" && draw.chance(30) {
            "docker.io/library/debian:latest"
        } else {
            key
        };
        contexts.insert(key.to_owned(), value.to_owned());
    }
    contexts
}

fn triggers(draw: &mut Draw) -> BTreeMap<String, Vec<String>> {
    let mut triggers = BTreeMap::new();
    for image in [
        "docker.io/library/debian:12",
        "docker.io/library/alpine:3.20",
        "docker.io/user/app:latest",
    ] {
        if draw.chance(10) {
            let lines = (0..=draw.below(2)).map(|_| {
                draw.one(&[
                    "RUN make",
                    "COPY . /src",
                    "COPY --from=tools:2 /x /y",
                    "COPY --from=0 / /x",
                    "COPY --from=a / /x",
                    "RUN --mount=from=ghcr.io/o/mounted,target=/m x",
                    "ADD https://example.com/a /a",
                ])
            });
            triggers.insert(image.to_owned(), lines.map(str::to_owned).collect());
        }
    }
    triggers
}

/// Upper and lower case as it falls.
fn cased(draw: &mut Draw, word: &str) -> String {
    match draw.below(4) {
        0 => word.to_uppercase(),
        1 => word.to_lowercase(),
        _ => word.to_owned(),
    }
}

struct Pen<'d> {
    draw: &'d mut Draw,
    text: String,
    escape: char,
    names: Vec<String>,
    /// Names of stages that are whole, and how many those are: what stands further up can be taken from.
    earlier: usize,
    done: usize,
}

impl<'d> Pen<'d> {
    fn new(draw: &'d mut Draw) -> Self {
        Self {
            draw,
            text: String::new(),
            escape: '\\',
            names: Vec::new(),
            earlier: 0,
            done: 0,
        }
    }

    fn finished(&mut self) -> String {
        let mut text = std::mem::take(&mut self.text);
        if self.draw.chance(8) {
            text = text.replace('\n', "\r\n");
        }
        if self.draw.chance(20) {
            text = text.trim_end().to_owned();
        }
        if self.draw.chance(4) {
            text = format!("\u{feff}{text}");
        }
        text
    }

    /// Comments that may be directives.
    fn head(&mut self) {
        if self.draw.chance(3) {
            self.text.push_str("#!/usr/bin/env docker\n");
        }
        if self.draw.chance(45) {
            return;
        }
        for _ in 0..=self.draw.below(3) {
            let is_usual = self.draw.chance(80);
            let line = self.draw.one(if is_usual {
                &[
                    "# syntax=docker/dockerfile:1",
                    "# escape=`",
                    "# a comment",
                    "# check=skip=all",
                    "",
                ]
            } else {
                &[
                    "# syntax=docker/dockerfile:1",
                    "#syntax = docker/dockerfile:1.7-labs",
                    "# Syntax=docker.io/docker/dockerfile:1 --x",
                    "# syntax=own.example.com/front:2",
                    "# escape=`",
                    "# ESCAPE = \\",
                    "#escape=`",
                    "# check=skip=all",
                    "# a comment",
                    "#",
                    "",
                    "# unknown=1",
                    "  # escape=`",
                    "// syntax=docker/dockerfile:1",
                    "# escape=x",
                    "# syntax=",
                ]
            });
            // What counts is left to both readers; continuations below follow the likely one.
            if line.contains("escape=`") {
                self.escape = '`';
            }
            self.text.push_str(line);
            self.text.push('\n');
        }
    }

    fn global(&mut self) -> String {
        let mut line = self.keyword("ARG");
        for _ in 0..=self.draw.below(5) / 4 {
            let name = self.draw.one(&VARIABLES);
            let _ = match self.draw.below(6) {
                0 => write!(line, " {name}"),
                1 | 2 => write!(line, " {name}={}", self.expression()),
                _ => write!(line, " {name}={}", self.draw.one(&VALUES)),
            };
        }
        line
    }

    fn keyword(&mut self, word: &str) -> String {
        match self.draw.below(12) {
            0 => word.to_lowercase(),
            1 => format!("{}{}", &word[..1], word[1..].to_lowercase()),
            2 => format!("  {word}"),
            3 => format!("\t{word}"),
            _ => word.to_owned(),
        }
    }

    fn expression(&mut self) -> String {
        let name = match self.draw.below(10) {
            0 => self.draw.one(&[
                "TARGETPLATFORM",
                "BUILDPLATFORM",
                "TARGETARCH",
                "BUILDOS",
                "TARGETVARIANT",
                "TARGETSTAGE",
                "TARGETOS",
            ]),
            _ => self.draw.one(&VARIABLES),
        };
        self.draw
            .one(&EXPRESSIONS)
            .replace('@', name)
            .replace('\\', &self.escape.to_string())
    }

    /// A name in a FROM.
    fn image(&mut self) -> String {
        let simple = |draw: &mut Draw| draw.one(&IMAGES[..20]).to_owned();
        match self.draw.below(20) {
            0..=6 => simple(self.draw),
            7..=8 if !self.names.is_empty() => {
                let name = self.names[self.draw.below(self.names.len())].clone();
                cased(self.draw, &name)
            }
            9 if self.draw.chance(30) => self.draw.one(&IMAGES).to_owned(),
            10 if self.draw.chance(50) => self.expression(),
            11 => format!("{}/x:1", self.expression()),
            12 => format!("ghcr.io/{}/y", self.expression()),
            13 => format!("{}{}", self.expression(), self.expression()),
            14 => format!("\"{}\"", simple(self.draw)),
            15 => format!("debian@{}", self.expression()),
            16 => "0".to_owned(),
            _ => format!(
                "{}:{}",
                self.draw.one(&["debian", "alpine", "user/app"]),
                self.expression()
            ),
        }
    }

    fn stage(&mut self, index: usize) {
        let mut line = self.keyword("FROM");
        if self.draw.chance(20) {
            let platform = match self.draw.below(5) {
                0 => self.draw.one(&PLATFORMS).to_owned(),
                1 => self
                    .draw
                    .one(&[
                        "linux/x86_64",
                        "arm64",
                        "linux/aarch64",
                        "linux/arm",
                        "linux",
                        "LINUX/AMD64",
                        "bad//",
                        "linux/arm64/v8",
                    ])
                    .to_owned(),
                2 => format!("linux/{}", self.expression()),
                _ => self
                    .draw
                    .one(&[
                        "$BUILDPLATFORM",
                        "${TARGETPLATFORM}",
                        "linux/$TARGETARCH",
                        "${BUILDOS}/${BUILDARCH}",
                        "${P:-linux/amd64}",
                    ])
                    .to_owned(),
            };
            let _ = write!(line, " --platform={platform}");
        }
        let _ = write!(line, " {}", self.image());
        if index == 0 && self.draw.chance(60) || self.draw.chance(50) {
            let name = self.draw.one(&STAGES).to_owned();
            let _ = write!(line, " {} {name}", self.draw.one(&["AS", "as", "As"]));
            self.names.push(name);
        } else if self.draw.chance(2) {
            line.push_str(self.draw.one(&[
                " AS 1x",
                " AS",
                " x",
                " AS a b",
                " --platform=linux/amd64",
            ]));
        }
        self.line(&line);
        for _ in 0..self.draw.below(5) {
            self.command();
        }
        (self.earlier, self.done) = (self.names.len(), self.done + 1);
    }

    /// Where a COPY or a mount takes files from.
    fn source(&mut self) -> String {
        match self.draw.below(20) {
            0..=6 if self.earlier > 0 => {
                let name = self.names[self.draw.below(self.earlier)].clone();
                cased(self.draw, &name)
            }
            7 if self.draw.chance(15) => self.draw.one(&STAGES).to_owned(),
            8 if self.draw.chance(10) => self.draw.below(4).to_string(),
            8 | 9 if self.done > 0 => self.draw.below(self.done).to_string(),
            10 => format!("\"{}\"", self.draw.one(&IMAGES[..14])),
            11 if self.draw.chance(30) => self
                .draw
                .one(&[
                    "$V",
                    "${W}",
                    "x$",
                    "debian:$V",
                    "-1",
                    "007",
                    "+1",
                    "99",
                    "context",
                    "Scratch",
                ])
                .to_owned(),
            _ => self.draw.one(&IMAGES[..20]).to_owned(),
        }
    }

    fn mount(&mut self) -> String {
        let source = self.source();
        match self.draw.below(9) {
            0 => format!("--mount=type=cache,target=/c,from={source}"),
            1 => format!("--mount=from={source},target=/m"),
            2 => format!("--mount=type=bind,source=/x,from={source},target=/m,ro"),
            3 => format!("--mount=target=/m,FROM={source}"),
            4 => "--mount=type=cache,target=/c".to_owned(),
            5 => "--mount=type=tmpfs,target=/t".to_owned(),
            6 => "--mount=type=secret,id=x".to_owned(),
            7 => format!("--mount='type=bind,from={source},target=/m'"),
            _ => format!("--mount=type=bind,\"from={source}\",target=/m"),
        }
    }

    fn command(&mut self) {
        let line = match self.draw.below(24) {
            0..=4 => {
                let mut line = self.keyword("COPY");
                if self.draw.chance(10) {
                    line.push_str(" --chown=1:1");
                }
                let _ = write!(line, " --from={}", self.source());
                line.push_str(self.draw.one(&[
                    " /a /b",
                    " --link /a /b",
                    " [\"/a\", \"/b\"]",
                    " / /",
                    " --chmod=755 /x /",
                ]));
                line
            }
            5..=8 => {
                let mut line = self.keyword("RUN");
                for _ in 0..=self.draw.below(2) {
                    let _ = write!(line, " {}", self.mount());
                }
                line.push_str(self.draw.one(&[
                    " make",
                    " --network=none make",
                    " [\"make\"]",
                    " echo FROM x",
                ]));
                line
            }
            9 => {
                let inner = self.draw.one(&[
                    "ONBUILD RUN make",
                    "ONBUILD COPY --from=a / /",
                    "ONBUILD RUN --mount=from=tools,target=/t x",
                    "onbuild copy --from=ghcr.io/t/u / /",
                    "ONBUILD ADD https://example.com/x /x",
                ]);
                inner.to_owned()
            }
            10 | 11 => return self.heredoc(),
            12 => format!(
                "ARG {}={}",
                self.draw.one(&VARIABLES),
                self.draw.one(&["1", "x", "debian"])
            ),
            13 => format!(
                "ENV {}={}",
                self.draw.one(&VARIABLES),
                self.draw.one(&["1", "x", "debian"])
            ),
            14 => self
                .draw
                .one(&[
                    "ADD https://example.com/f.tar /f",
                    "ADD git@github.com:o/r.git /r",
                    "ADD https://github.com/o/r.git#main /r",
                    "ADD a b c/",
                ])
                .to_owned(),
            15 => "LABEL from=\"FROM y\" \\\"<<EOF\\\"=1".to_owned(),
            16 => "CMD [\"/a\", \"<<EOF\"]".to_owned(),
            17 => "RUN echo \"<<EOF\" '<<B' $((1<<2))".to_owned(),
            18 => "WORKDIR /w".to_owned(),
            19 => "COPY . /src".to_owned(),
            20 => "ENTRYPOINT exec x".to_owned(),
            21 => "RUN cat <<< here".to_owned(),
            _ => format!("{} true && echo done", self.keyword("RUN")),
        };
        let line = line.replace('\\', &self.escape.to_string());
        self.line(&line);
    }

    fn heredoc(&mut self) {
        let name = self.draw.one(&["EOF", "END1", "x.y", "_E"]);
        let start = match self.draw.below(8) {
            0 => format!("RUN <<{name}"),
            1 => format!("RUN <<-{name}"),
            2 => format!("RUN <<\"{name}\" bash"),
            3 => format!("RUN python3 <<'{name}'"),
            4 => format!("COPY <<{name} /file"),
            5 => format!("RUN 3<<{name} cat"),
            6 => format!("COPY <<{name} <<SECOND /dir/"),
            _ => format!("RUN --mount=from=debian:12,target=/d <<{name}"),
        };
        let chomp = start.contains("<<-");
        let mut text = format!("{start}\n");
        for _ in 0..self.draw.below(4) {
            let line = self.draw.one(&[
                "FROM evil AS e",
                "COPY --from=evil / /",
                "echo hi \\",
                "",
                "# no",
                "EOFX",
                " EOF",
                "\tindented",
            ]);
            text.push_str(line);
            text.push('\n');
        }
        let _ = writeln!(text, "{}{name}", if chomp { "\t" } else { "" });
        if start.contains("SECOND") {
            text.push_str("FROM second\nSECOND\n");
        }
        self.text.push_str(&text);
    }

    /// A line, perhaps continued, with what may stand between.
    fn line(&mut self, line: &str) {
        for _ in 0..self.draw.below(5) / 3 {
            let between = self.draw.one(&[
                "",
                "# a comment",
                "   ",
                "  # FROM commented",
                "# syntax=late/front",
                "# trailing \\",
            ]);
            self.text.push_str(between);
            self.text.push('\n');
        }
        let escape = self.escape;
        for (at, word) in line.split(' ').enumerate() {
            if at > 0 {
                self.text.push(' ');
                if self.draw.chance(6) {
                    self.text.push(escape);
                    self.text.push_str(self.draw.one(&["", "", " ", "\t "]));
                    self.text.push('\n');
                    if self.draw.chance(30) {
                        self.text.push_str(self.draw.one(&[
                            "# inside\n",
                            "\n",
                            "   # FROM inside\n",
                            " \n",
                        ]));
                    }
                }
            }
            self.text.push_str(word);
        }
        self.text
            .push_str(self.draw.one(&["\n", "\n", "\n", " \n", "\n\n"]));
    }
}
