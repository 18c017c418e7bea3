//! The command line's grammar: every verb and flag with its documentation, in one place.

mod accounts;
mod builds;
mod calibrate;
mod charts;
mod images;
mod patches;
mod registry;
mod releases;
mod server;
mod values;

pub use accounts::{
    GrantArguments, GrantVerb, RevokeArguments, RobotCreate, RobotVerb, TokenCreate, TokenVerb,
    UserCreate, UserVerb,
};
pub use builds::{
    BasesArguments, BuildArguments, InvocationArguments, LogsArguments, RunArguments, RunsArguments,
};
pub use calibrate::CalibrateArguments;
pub use charts::{
    AccessArguments, BumpArguments, DependencyArguments, DependencyVerb, IdleArguments,
    KeyringArguments, LintArguments, PackageArguments, PullArguments, PushArguments,
    SearchArguments, ShowArguments, ShowVerb, SourceArguments, TemplateArguments, ValueArguments,
    VerifyArguments,
};
pub use images::{Allow, CompareArguments, InspectArguments, RebaseArguments};
pub use patches::{
    CascadeVerb, GraphArguments, GraphForm, ImagesArguments, PatchArguments, PlanArguments,
    WaitArguments, WatchArguments,
};
pub use registry::{EventArguments, RepoVerb, TagReference, WhyArguments};
pub use releases::{
    ClusterArguments, InstallArguments, ListArguments, NamedArguments, ReleasePart, ReleaseVerb,
    UpgradeArguments,
};
pub use server::{
    ApplyArguments, AuditVerb, BackupArguments, CollectArguments, DeleteArguments, DemoArguments,
    GetArguments, LogFormat, LoginArguments, LogoutArguments, RestoreArguments, ServeArguments,
};
pub use values::{CheckArguments, EnvironmentArguments, ExplainArguments, ValuesVerb};

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::ffi::OsString;
use std::path::PathBuf;

/// Verbs that belong to the design and are not built: they are refused by name, and are in no help.
pub const UNBUILT: &[&str] = &[
    "approve",
    "channel",
    "copy",
    "deliveries",
    "diff",
    "hold",
    "import",
    "migrate-storage",
    "promote",
    "quarantine",
    "regions",
    "reject",
    "report",
    "rollback",
    "set-image",
    "subscription",
    "test",
    "unhold",
    "uninstall",
];

/// Keeps images, charts and releases afloat on a patched base.
#[derive(Debug, Parser)]
#[command(
    name = "refloat",
    version,
    about,
    max_term_width = 110,
    after_help = "\
Examples:
  refloat serve                                   a registry on 127.0.0.1:5000, data in ./refloat-data
  refloat login 127.0.0.1:5000 -u admin --password-stdin < refloat-data/admin-password
  refloat --server http://127.0.0.1:5000 repo list
  refloat tags 127.0.0.1:5000/apps/web

The server may also be named by REFLOAT_SERVER, the account by REFLOAT_USER and REFLOAT_PASSWORD.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 refused by policy, 4 not found or not permitted,
5 nothing had to change (with --detailed-exitcode)."
)]
pub struct Arguments {
    /// Flags of every verb.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// Flags of every verb.
#[derive(Debug, Args)]
pub struct Global {
    /// How results are printed
    #[arg(
        short,
        long,
        global = true,
        value_enum,
        default_value = "table",
        help_heading = "Everywhere"
    )]
    pub output: Format,
    /// Print names and ids only, and no remarks
    #[arg(short, long, global = true, help_heading = "Everywhere")]
    pub quiet: bool,
    /// No colours; NO_COLOR does the same
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub no_color: bool,
    /// The server: http://host:port, https://host or host:port
    #[arg(
        long,
        global = true,
        env = "REFLOAT_SERVER",
        value_name = "URL",
        help_heading = "Everywhere"
    )]
    pub server: Option<String>,
    /// The project that documents and robots belong to if they do not say
    #[arg(long, global = true, value_name = "NAME", help_heading = "Everywhere")]
    pub project: Option<String>,
    /// Exit with 5 if nothing had to change
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub detailed_exitcode: bool,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// The same as YAML.
    Yaml,
    /// Graphviz's language, of `graph`.
    #[value(hide = true)]
    Dot,
}

/// Every verb that is built.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run the registry and everything else in one process
    Serve(ServeArguments),
    /// Check credentials with a registry and keep them in docker's configuration
    Login(LoginArguments),
    /// Forget the credentials of a registry
    Logout(LogoutArguments),
    /// Who the server takes you for
    Whoami,
    /// What the server speaks
    Capabilities,
    /// Repositories
    #[command(subcommand)]
    Repo(RepoVerb),
    /// Tags of a repository
    #[command(
        after_help = "Examples:\n  refloat tags 127.0.0.1:5000/apps/web\n  refloat tags apps/web -o json"
    )]
    Tags {
        /// The repository
        repository: String,
    },
    /// Give an image another tag
    #[command(
        after_help = "Examples:\n  refloat tag apps/web:1.2.3 stable\n  refloat tag apps/web@sha256:.. 1.2"
    )]
    Tag {
        /// The image, by tag or digest
        reference: String,
        /// The new tag
        new: String,
    },
    /// Take a tag away; the image stays
    #[command(after_help = "Example:\n  refloat untag apps/web:stable")]
    Untag(TagReference),
    /// What a tag named, the newest first
    #[command(after_help = "Example:\n  refloat tag-history apps/web:stable")]
    TagHistory(TagReference),
    /// Move a tag back to what it named before
    #[command(after_help = "Example:\n  refloat tag-undo apps/web:stable")]
    TagUndo(TagReference),
    /// What happened
    Events(EventArguments),
    /// The main job, end to end: a base gets its security updates, and what stands on it is patched and released
    Demo(DemoArguments),
    /// What led to an image, a release or a pod, back to the upstream digest, commit or person
    Why(WhyArguments),
    /// People
    #[command(subcommand)]
    User(UserVerb),
    /// Headless accounts
    #[command(subcommand)]
    Robot(RobotVerb),
    /// Allow a subject something on repositories, or list what is allowed
    Grant(GrantArguments),
    /// Take a grant back
    Revoke(RevokeArguments),
    /// Your own long-lived tokens
    #[command(subcommand)]
    Token(TokenVerb),
    /// Apply documents: Project, Credential, RepositoryPolicy, Upstream, Task, Release
    Apply(ApplyArguments),
    /// Show documents
    Get(GetArguments),
    /// Delete a document
    Delete(DeleteArguments),
    /// Remove bytes that nothing uses
    Gc(CollectArguments),
    /// Read all stored bytes and compare them with their checksums
    Scrub,
    /// Back up the server's data, while it runs, into its own data folder
    Backup(BackupArguments),
    /// Restore a backup into an empty data folder, without a server
    Restore(RestoreArguments),
    /// The log
    #[command(subcommand)]
    Audit(AuditVerb),
    /// What a Dockerfile stands on
    Bases(BasesArguments),
    /// Build an image on this machine and push it
    Build(BuildArguments),
    /// Hold verdicts against rebuilds: how often each reason was right
    Calibrate(CalibrateArguments),
    /// Run a task as its branch stands
    Run(RunArguments),
    /// Runs, the newest first
    Runs(RunsArguments),
    /// What a run's builder said
    Logs(LogsArguments),
    /// Call a run off
    #[command(after_help = "Example:\n  refloat cancel run_01k..")]
    Cancel {
        /// The run
        run: String,
    },
    /// Takes one run from its folder to its end; started by the server for itself
    #[command(hide = true)]
    Runner {
        /// The folder of the run
        folder: PathBuf,
    },
    /// Render a chart and print what it makes
    Template(Box<TemplateArguments>),
    /// Which file and line a value comes from, and what it hides
    Explain(ExplainArguments),
    /// Values of a chart in its environments
    #[command(subcommand)]
    Values(ValuesVerb),
    /// Find what is wrong with charts
    Lint(LintArguments),
    /// Fetch the charts that a chart stands on
    #[command(subcommand, visible_alias = "dep", alias = "dependencies")]
    Dependency(DependencyVerb),
    /// Check who packaged a chart, and that it is still the same
    Verify(VerifyArguments),
    /// Find charts that were pulled to this machine
    Search(SearchArguments),
    /// Show what a chart says: its definition, its values
    #[command(subcommand)]
    Show(ShowVerb),
    /// Write a new image into the values of a chart, and change nothing else
    Bump(BumpArguments),
    /// Package a chart, into a file or into a registry
    Package(PackageArguments),
    /// Push a packaged chart to a registry
    Push(PushArguments),
    /// Pull a chart from a registry
    #[command(alias = "fetch")]
    Pull(PullArguments),
    /// Upgrade a release on a cluster, or install it
    Upgrade(UpgradeArguments),
    /// Install a chart on a cluster
    Install(InstallArguments),
    /// How a release stands
    Status(NamedArguments),
    /// What came before
    History(NamedArguments),
    /// Releases
    List(ListArguments),
    /// What a release is made of
    #[command(subcommand)]
    Release(ReleaseVerb),
    /// Put another base under an image, if that is safe
    Rebase(RebaseArguments),
    /// What differs between two images
    Compare(CompareArguments),
    /// What an image is made of, and what it stands on
    Inspect(InspectArguments),
    /// Current images, and what each stands on
    Images(ImagesArguments),
    /// What stands on what
    Graph(GraphArguments),
    /// What a moved base reaches, and how each image would be patched; nothing is done
    Plan(PlanArguments),
    /// Carry a plan out, or patch whatever is outdated
    Patch(PatchArguments),
    /// All patches that one moved base caused
    #[command(subcommand)]
    Cascade(CascadeVerb),
    /// Wait until a cascade, run or job has ended
    Wait(WaitArguments),
    /// Watch references of any registry, without a server
    Watch(WatchArguments),
    /// Print a script that completes the command line in a shell
    #[command(after_help = "Example:\n  refloat completions bash > /etc/bash_completion.d/refloat")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the man pages into a folder
    Man {
        /// The folder
        folder: PathBuf,
    },
    /// Anything else: a verb that is not built, or none.
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}
