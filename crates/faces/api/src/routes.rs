//! The one table of routes.

use crate::answer::Answer;
use crate::asking::Asking;
use crate::face::Api;
use crate::handlers::{
    accounts, documents, grants, log, patches, registry, releases, runs, upkeep,
};
use axum::http::Method;
use futures_util::future::BoxFuture;
use refloat_core::Action;
use refloat_flow::FlowError;

/// What a caller must be for a route to do something. The store checks it; the tests compare the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Nothing.
    Open,
    /// Signed in; the answer is about the caller itself.
    SignedIn,
    /// This action on the repository that `repository` names.
    Repository(Action),
    /// Anyone; the list contains what the caller may pull.
    Visible,
    /// Anyone who may pull something that it is about, and of it that part; absent for others.
    Touched,
    /// Administers the project that is named, or the server.
    Project,
    /// Administers the server.
    Administrator,
}

/// What a route takes as its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// None.
    None,
    /// A small JSON object.
    Small,
    /// Documents: JSON `{"documents":[..]}`, or YAML as `application/yaml`.
    Documents,
}

impl Body {
    /// The most bytes it may have.
    pub fn bytes_max(self) -> usize {
        match self {
            Self::None | Self::Small => 64 * 1024,
            Self::Documents => 2 * 1024 * 1024,
        }
    }
}

/// A parameter in the query; those of the path stand in the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
}

/// The use case of a route.
pub(crate) type Handler =
    for<'a> fn(&'a Api, &'a Asking) -> BoxFuture<'a, Result<Answer, FlowError>>;

/// One route.
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path below `/api/v1`, parameters in braces.
    pub path: &'static str,
    /// What the caller must be.
    pub right: Right,
    /// What it takes as its body.
    pub body: Body,
    /// Parameters of the query.
    pub query: &'static [Parameter],
    /// What it does, in a few words.
    pub summary: &'static str,
    pub(crate) handler: Handler,
}

const fn parameter(name: &'static str, about: &'static str) -> Parameter {
    Parameter { name, about }
}

const AFTER: Parameter = parameter("after", "the cursor of the page before");
const LIMIT: Parameter = parameter("limit", "the most items wanted");
const REPOSITORY: Parameter = parameter("repository", "the repository's name");
const TAG: Parameter = parameter("tag", "the tag's name");
const KIND: Parameter = parameter("kind", "a kind of documents, for example RepositoryPolicy");
const NAME: Parameter = parameter("name", "the document's name; a policy's is its pattern");
const PROJECT: Parameter = parameter("project", "the project; `default` if left out");
const TYPE: Parameter = parameter("type", "only types that match, for example tag.*");
const TASK: Parameter = parameter("task", "of this task only");
const STATE: Parameter = parameter(
    "state",
    "in this state only: requested, running, succeeded, failed, cancelled",
);
const ENVIRONMENT: Parameter = parameter("environment", "of this environment only");
const FROM: Parameter = parameter("from", "the first byte wanted; 0 if left out");
const OUTDATED: Parameter = parameter("outdated", "true: only those whose base moved on");
const NO_BASE: Parameter = parameter("no_base", "true: only those whose base is not known");
const REFERENCE: Parameter = parameter("reference", "what is connected with this one only");
const WAIT: Parameter = parameter(
    "wait_seconds",
    "keep the question open until something happens, at most 30",
);

const WHY: &[Parameter] = &[
    parameter("release", "a release document's name"),
    parameter("digest", "a digest"),
    parameter(
        "running",
        "true: begin at the release that brought the digest",
    ),
    parameter(
        "registry",
        "the host of a foreign registry; this one if it is left out",
    ),
    REPOSITORY,
    TAG,
    parameter(
        "direction",
        "back to the causes, or forwards to what it led to",
    ),
];
const PAGE: &[Parameter] = &[AFTER, LIMIT];

macro_rules! handler {
    ($path:path) => {
        |api, asking| Box::pin($path(api, asking))
    };
}

macro_rules! routes {
    ($($method:ident $path:literal $right:expr, $body:ident, $query:expr, $handler:path, $summary:literal;)*) => {
        &[$(Route {
            method: Method::$method,
            path: $path,
            right: $right,
            body: Body::$body,
            query: $query,
            summary: $summary,
            handler: handler!($handler),
        }),*]
    };
}

/// Every route of `/api/v1`.
pub static ROUTES: &[Route] = routes! {
    GET "/capabilities" Right::Open, None, &[], registry::capabilities, "what this server speaks";
    GET "/openapi.json" Right::Open, None, &[], registry::openapi, "this description";
    GET "/whoami" Right::SignedIn, None, &[], registry::whoami, "who the server takes the caller for";
    GET "/repositories" Right::Visible, None, PAGE, registry::repositories, "repositories the caller may pull";
    GET "/tags" Right::Repository(Action::Pull), None, &[REPOSITORY, AFTER, LIMIT], registry::tags, "tags of a repository";
    POST "/tags" Right::Repository(Action::Push), Small, &[], registry::tag, "give an image another tag";
    DELETE "/tags" Right::Repository(Action::Delete), None, &[REPOSITORY, TAG], registry::untag, "take a tag away";
    GET "/tags/history" Right::Repository(Action::Pull), None, &[REPOSITORY, TAG, AFTER, LIMIT], registry::tag_history, "what a tag named, the newest first";
    POST "/tags/undo" Right::Repository(Action::Update), Small, &[], registry::tag_undo, "move a tag back to what it named before";
    GET "/users" Right::Administrator, None, PAGE, accounts::users, "people";
    POST "/users" Right::Administrator, Small, &[], accounts::create_user, "create a user";
    DELETE "/users/{name}" Right::Administrator, None, &[], accounts::delete_user, "delete a user";
    POST "/users/{name}/password" Right::SignedIn, Small, &[], accounts::set_password, "set a password: administrators anyone's, others their own";
    GET "/robots" Right::Project, None, &[PROJECT, AFTER, LIMIT], accounts::robots, "robots of a project";
    POST "/robots" Right::Project, Small, &[], accounts::create_robot, "create a robot; its token is shown once";
    DELETE "/robots/{name}" Right::Project, None, &[], accounts::delete_robot, "delete a robot";
    GET "/tokens" Right::SignedIn, None, PAGE, accounts::tokens, "the caller's long-lived tokens";
    POST "/tokens" Right::SignedIn, Small, &[], accounts::create_token, "create a token of the caller's; shown once";
    DELETE "/tokens/{id}" Right::SignedIn, None, &[], accounts::revoke_token, "revoke a token";
    GET "/grants" Right::Project, None, &[PROJECT, AFTER, LIMIT], grants::list, "what is granted";
    POST "/grants" Right::Project, Small, &[], grants::grant, "allow a subject something on a pattern";
    POST "/grants/revoke" Right::Project, Small, &[], grants::revoke, "take a grant back";
    GET "/documents" Right::Project, None, &[KIND, NAME, PROJECT, AFTER, LIMIT], documents::list, "documents of a project";
    POST "/documents" Right::Project, Documents, &[PROJECT], documents::apply, "apply documents, all or none";
    DELETE "/documents" Right::Project, None, &[KIND, NAME, PROJECT], documents::delete, "delete a document";
    GET "/events" Right::Visible, None, &[AFTER, TYPE, LIMIT, WAIT], log::events, "what happened to what the caller may pull; live as text/event-stream";
    GET "/why" Right::Visible, None, WHY, log::why, "the recorded causes of a release, tag or digest, or what a digest led to";
    GET "/runs" Right::Project, None, &[PROJECT, TASK, STATE, AFTER, LIMIT], runs::list, "runs of a project, the newest first";
    POST "/runs" Right::Project, Small, &[], runs::run, "build a task as its branch stands";
    GET "/runs/{id}" Right::Project, None, &[PROJECT], runs::get, "how a run stands";
    GET "/runs/{id}/log" Right::Project, None, &[PROJECT, FROM, WAIT], runs::log, "what a run's builder said, from a byte on";
    POST "/runs/{id}/cancel" Right::Project, Small, &[], runs::cancel, "call a run off";
    GET "/releases" Right::Project, None, &[PROJECT], releases::list, "releases of a project, and what runs where";
    GET "/releases/{name}" Right::Project, None, &[PROJECT], releases::get, "how a release stands in its environments";
    GET "/releases/{name}/history" Right::Project, None, &[PROJECT, ENVIRONMENT], releases::history, "the deployments of a release, the newest first";
    GET "/images" Right::Visible, None, &[OUTDATED, NO_BASE, AFTER, LIMIT], patches::images, "current images, and what each stands on";
    GET "/graph" Right::Visible, None, &[REFERENCE], patches::graph, "what stands on what";
    GET "/upstreams" Right::Project, None, &[PROJECT], patches::upstreams, "upstreams of a project, and up to when nothing was missed";
    POST "/upstreams/{name}/sweep" Right::Project, Small, &[], patches::sweep, "ask an upstream now";
    POST "/plans" Right::Administrator, Small, &[], patches::plan, "what a moved base reaches, and how each image would be patched";
    POST "/patches" Right::Administrator, Small, &[], patches::patch, "carry a plan out, or patch whatever is outdated";
    GET "/cascades" Right::Visible, None, PAGE, patches::cascades, "cascades, the newest first";
    GET "/cascades/{id}" Right::Touched, None, &[], patches::cascade, "how a cascade stands";
    POST "/cascades/{id}" Right::Administrator, Small, &[], patches::ask_cascade, "pause, resume, cancel or retry a cascade";
    GET "/audit/verify" Right::Administrator, None, &[], log::verify, "check the whole log";
    POST "/gc" Right::Administrator, Small, &[], upkeep::collect, "remove bytes that nothing uses";
    POST "/scrub" Right::Administrator, Small, &[], upkeep::scrub, "compare stored bytes with their checksums";
    GET "/jobs/{id}" Right::Administrator, None, &[], upkeep::job, "how far a job is";
    POST "/backups" Right::Administrator, Small, &[], upkeep::back_up, "back up into the data folder";
};
