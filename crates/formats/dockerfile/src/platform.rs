//! Platforms: `os/architecture[/variant]`, brought to one form as containerd does (`containerd/platforms`).

use std::fmt;
use std::str::FromStr;

/// A text that names no platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a platform; write os/architecture, for example linux/amd64")]
pub struct PlatformError(String);

/// A platform in its usual form: `linux/amd64`, `linux/arm64`, `linux/arm/v7`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    /// `linux`..
    pub os: String,
    /// Of Windows only: `10.0.20348`..
    pub os_version: String,
    /// `amd64`..
    pub architecture: String,
    /// `v7`.. or empty.
    pub variant: String,
}

const KNOWN_OS: [&str; 15] = [
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "js",
    "linux",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "windows",
];
const KNOWN_ARCHITECTURES: [&str; 16] = [
    "386", "amd64", "arm", "arm64", "loong64", "mips", "mipsle", "mips64", "mips64le", "ppc64",
    "ppc64le", "riscv64", "s390x", "sparc64", "wasm", "ppc",
];

impl Platform {
    /// The platform of the machine that this program was built for, on Linux.
    pub fn of_this_machine() -> Self {
        let (architecture, variant) = architecture(std::env::consts::ARCH, "");
        Self {
            os: "linux".to_owned(),
            os_version: String::new(),
            architecture,
            variant,
        }
    }
}

fn operating_system(text: &str) -> String {
    match text.to_ascii_lowercase().as_str() {
        "macos" => "darwin".to_owned(),
        other => other.to_owned(),
    }
}

fn architecture(name: &str, variant: &str) -> (String, String) {
    let (name, variant) = (name.to_ascii_lowercase(), variant.to_ascii_lowercase());
    let (name, variant) = match (name.as_str(), variant.as_str()) {
        ("i386", _) => ("386", ""),
        ("x86_64" | "x86-64", "v1" | "") | ("amd64", "v1") => ("amd64", ""),
        ("x86_64" | "x86-64", other) => ("amd64", other),
        ("aarch64" | "arm64", "8" | "v8" | "") => ("arm64", ""),
        ("aarch64", other) => ("arm64", other),
        ("armhf", _) | ("arm", "" | "7") => ("arm", "v7"),
        ("armel", _) | ("arm", "6") => ("arm", "v6"),
        ("arm", "5") => ("arm", "v5"),
        ("arm", "8") => ("arm", "v8"),
        (name, variant) => (name, variant),
    };
    (name.to_owned(), variant.to_owned())
}

/// `windows(10.0.20348)` as its two parts.
fn version(text: &str) -> Option<(&str, &str)> {
    match text.split_once('(') {
        None => Some((text, "")),
        Some((os, rest)) => {
            let version = rest.strip_suffix(')')?;
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            (!version.is_empty() && version.bytes().all(fits)).then_some((os, version))
        }
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let wrong = || PlatformError(text.chars().take(100).collect());
        let mut parts: Vec<&str> = text.split('/').collect();
        let (os, os_version) = version(parts[0]).ok_or_else(wrong)?;
        parts[0] = os;
        let word = |part: &&str| {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            !part.is_empty() && part.bytes().all(fits)
        };
        if !parts.iter().all(word) {
            return Err(wrong());
        }
        let (os, (architecture, variant)) = match parts.as_slice() {
            [one] => {
                let os = operating_system(one);
                let named = architecture(one, "");
                if KNOWN_OS.contains(&os.as_str()) {
                    let machine = Self::of_this_machine();
                    (os, (machine.architecture, machine.variant))
                } else if KNOWN_ARCHITECTURES.contains(&named.0.as_str()) {
                    ("linux".to_owned(), named)
                } else {
                    return Err(wrong());
                }
            }
            [os, name] => (operating_system(os), architecture(name, "")),
            [os, name, variant] => (operating_system(os), architecture(name, variant)),
            _ => return Err(wrong()),
        };
        Ok(Self {
            os,
            os_version: os_version.to_owned(),
            architecture,
            variant,
        })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.os)?;
        if !self.os_version.is_empty() {
            write!(formatter, "({})", self.os_version)?;
        }
        write!(formatter, "/{}", self.architecture)?;
        if self.variant.is_empty() {
            Ok(())
        } else {
            write!(formatter, "/{}", self.variant)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_have_one_form() {
        let forms = [
            ("linux/amd64", "linux/amd64"),
            ("linux/x86_64", "linux/amd64"),
            ("Linux/AMD64", "linux/amd64"),
            ("linux/arm64/v8", "linux/arm64"),
            ("linux/aarch64", "linux/arm64"),
            ("linux/arm", "linux/arm/v7"),
            ("linux/arm/v6", "linux/arm/v6"),
            ("linux/arm/6", "linux/arm/v6"),
            ("arm64", "linux/arm64"),
            ("linux/armhf", "linux/arm/v7"),
            ("windows(10.0.20348)/amd64", "windows(10.0.20348)/amd64"),
        ];
        for (text, expected) in forms {
            let platform: Platform = text.parse().expect(text);
            assert_eq!(platform.to_string(), expected, "{text}");
        }
        for text in [
            "",
            "linux/",
            "/amd64",
            "a/b/c/d",
            "linux/am d64",
            "nonsense",
        ] {
            assert!(text.parse::<Platform>().is_err(), "{text}");
        }
    }
}
