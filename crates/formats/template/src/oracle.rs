//! What a template cannot compute: the time, random values, keys and certificates.

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant {
    /// Since 1970 in UTC.
    pub seconds: i64,
    /// Below a thousand million.
    pub nanoseconds: u32,
}

/// Which letters a random text has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alphabet {
    /// `randAlphaNum`
    AlphaNumeric,
    /// `randAlpha`
    Alphabetic,
    /// `randAscii`
    Ascii,
    /// `randNumeric`
    Numeric,
}

/// What a function wants to know.
#[derive(Debug, Clone, PartialEq)]
pub enum Question<'a> {
    /// `now`, and everything that measures from it.
    Now,
    /// `randAlphaNum`, `randAlpha`, `randAscii`, `randNumeric`.
    RandomText {
        /// Its letters.
        alphabet: Alphabet,
        /// How many.
        count: usize,
    },
    /// `randBytes`: the text it gives, base64 of as many bytes.
    RandomBytes {
        /// How many.
        count: usize,
    },
    /// `randInt`
    RandomInteger {
        /// The smallest.
        least: i64,
        /// One above the largest.
        below: i64,
    },
    /// `uuidv4`
    Uuid,
    /// `shuffle`
    Shuffle(&'a str),
    /// `bcrypt`
    Bcrypt(&'a str),
    /// `htpasswd`
    Htpasswd {
        /// The name before the colon.
        user: &'a str,
        /// Its password.
        password: &'a str,
    },
    /// `genPrivateKey`: PEM of `rsa`, `dsa`, `ecdsa` or `ed25519`.
    PrivateKey(&'a str),
    /// `genCA` and its kin: certificate and key, both PEM.
    Certificate {
        /// The function's name.
        function: &'static str,
        /// What it is to say.
        wanted: CertificateOf<'a>,
    },
}

/// What a certificate is to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateOf<'a> {
    /// The common name.
    pub name: &'a str,
    /// Addresses it is for.
    pub addresses: Vec<String>,
    /// Names it is for.
    pub names: Vec<String>,
    /// How long it is valid.
    pub days: i64,
    /// Who signs it.
    pub signer: Signer<'a>,
    /// PEM of the signer's certificate; of `buildCustomCert` the certificate in base64.
    pub certificate: &'a str,
    /// PEM of its key, where one is given; of `buildCustomCert` in base64.
    pub key: Option<&'a str>,
}

/// Who signs a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signer<'a> {
    /// Nobody: it is given as it is.
    Given,
    /// It signs itself, and may sign others.
    Own,
    /// It signs itself.
    Itself,
    /// Another.
    Other {
        /// PEM of the signer's key.
        key: &'a str,
    },
}

/// What it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A text.
    Text(String),
    /// A number.
    Integer(i64),
    /// A point in time.
    Instant(Instant),
    /// It cannot be done: the words of the error.
    Refused(String),
    /// A certificate and its key, PEM.
    Certificate {
        /// `.Cert`
        certificate: String,
        /// `.Key`
        key: String,
    },
}

/// Whoever knows the time and has random bits.
pub trait Oracle {
    /// The answer; none for what it cannot do, which the template then fails with.
    fn ask(&self, question: &Question<'_>) -> Option<Answer>;

    /// Whether a chart may refuse its values. If not, `fail` and what `required` misses give an empty text, as for Helm's
    /// linter, which looks at all of a chart whatever values it was given.
    fn lets_charts_refuse(&self) -> bool {
        true
    }
}

/// Knows nothing: a template that needs the time or randomness fails.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Oracle for Silent {
    fn ask(&self, _: &Question<'_>) -> Option<Answer> {
        None
    }
}
