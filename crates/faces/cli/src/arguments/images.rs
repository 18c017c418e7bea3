//! Verbs about images, without a server.

use clap::{Args, ValueEnum};

/// `rebase IMAGE --onto BASE`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  refloat rebase registry.example.com/apps/web:1.2 --onto debian:12 --dry-run --explain\n  \
        refloat rebase 127.0.0.1:5000/apps/web:1.2 --onto 127.0.0.1:5000/team/runtime:12 --tag 127.0.0.1:5000/apps/web:1.2-p1\n  \
        refloat rebase oci:./images:web --onto oci:./images:base --tag oci:./images:web-p1\n\n\
        IMAGE is never changed. Without --tag the result is written beside it and reachable by its digest; nothing moves.\n\
        SOURCE_DATE_EPOCH sets the result's time; otherwise it is the newest of the inputs', and the same inputs give the same digest.\n\
        A verdict worse than --allow writes nothing and exits with 3."
)]
pub struct RebaseArguments {
    /// The image: a reference, oci:DIR:TAG, oci-archive:FILE:TAG or docker-archive:FILE:TAG
    #[arg(value_name = "IMAGE")]
    pub image: String,
    /// The base that it shall stand on
    #[arg(long, value_name = "BASE")]
    pub onto: String,
    /// The base that it stands on; found by annotations or layers if left out
    #[arg(long, value_name = "REF")]
    pub old_base: Option<String>,
    /// What names the result: a reference, oci:DIR:TAG, or a tag of IMAGE's repository
    #[arg(long, value_name = "REF")]
    pub tag: Option<String>,
    /// Judge only, write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Show every reason and every package, the heaviest reason first
    #[arg(long)]
    pub explain: bool,
    /// The worst verdict that is written; with `test` the result is marked untested
    #[arg(long, value_enum, default_value = "proven")]
    pub allow: Allow,
}

/// The worst verdict that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Allow {
    /// Nothing that the image has or uses is touched.
    Proven,
    /// Nothing speaks against it, and not everything could be seen.
    Test,
}

/// `compare A B`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  refloat compare 127.0.0.1:5000/apps/web:1.2-p1 127.0.0.1:5000/apps/web:rebuilt\n  \
        refloat compare oci:./a:1 docker-archive:./b.tar -o json\n\n\
        Compared is what a container sees: merged files with type, content, mode, owner, links and extended attributes; the\n\
        configuration; packages. Times of files are never compared. Left out unless --all: the contents of var/log, var/cache,\n\
        var/lib/apt/lists, tmp, var/tmp, run and root/.cache, machine ids, locks, the older copies that dpkg and adduser keep\n\
        (status-old, passwd-), Python's byte code, files that builders mount, the configuration's times and history."
)]
pub struct CompareArguments {
    /// One image
    #[arg(value_name = "A")]
    pub old: String,
    /// The other one
    #[arg(value_name = "B")]
    pub new: String,
    /// Also logs, caches and the configuration's times
    #[arg(long)]
    pub all: bool,
    /// One platform only, for example linux/arm64
    #[arg(long, value_name = "PLATFORM")]
    pub platform: Option<String>,
}

/// `inspect IMAGE`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  refloat inspect 127.0.0.1:5000/apps/web:1.2\n  \
        refloat inspect oci:./images:web --base oci:./images:base -o json"
)]
pub struct InspectArguments {
    /// The image
    #[arg(value_name = "IMAGE")]
    pub image: String,
    /// An image that it may stand on; the tags beside it are looked at too
    #[arg(long, value_name = "REF")]
    pub base: Vec<String>,
}
