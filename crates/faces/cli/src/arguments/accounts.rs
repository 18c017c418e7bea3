//! Verbs about people, robots, grants and tokens.

use crate::humane::duration_seconds;
use clap::{Args, Subcommand};

/// `user ..`
#[derive(Debug, Subcommand)]
pub enum UserVerb {
    /// Create a user; the password is asked for, or read from standard input
    #[command(
        after_help = "Examples:\n  refloat user create alice\n  printf %s \"$PASSWORD\" | refloat user create alice --password-stdin"
    )]
    Create(UserCreate),
    /// List the users
    List,
    /// Delete a user with its tokens and grants
    Delete {
        /// Its name
        name: String,
    },
    /// Set a user's password; your own without a name
    Passwd {
        /// The user
        name: Option<String>,
        /// Read the password from standard input
        #[arg(long)]
        password_stdin: bool,
    },
}

/// `user create`
#[derive(Debug, Args)]
pub struct UserCreate {
    /// Its name
    pub name: String,
    /// Read the password from standard input
    #[arg(long)]
    pub password_stdin: bool,
    /// Make it an administrator of the whole server
    #[arg(long)]
    pub admin: bool,
}

/// `robot ..`
#[derive(Debug, Subcommand)]
pub enum RobotVerb {
    /// Create a robot and print its token, once
    #[command(
        after_help = "Examples:\n  refloat robot create ci --expires 30d\n  refloat grant ci pull 'apps/**'"
    )]
    Create(RobotCreate),
    /// List the robots
    List,
    /// Delete a robot with its token and grants
    Delete {
        /// Its name
        name: String,
    },
}

/// `robot create`
#[derive(Debug, Args)]
pub struct RobotCreate {
    /// Its name
    pub name: String,
    /// How long it lives: 30d, 12h
    #[arg(long, value_name = "DURATION", value_parser = duration_seconds)]
    pub expires: Option<i64>,
}

/// `grant ..`
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Actions: pull, push, update (move a tag that exists), delete, clear, admin; several separated by commas.
Patterns: `*` is part of one segment, `**` any number of segments.

Examples:
  refloat grant alice pull,push 'apps/**'
  refloat grant anonymous pull 'public/**'
  refloat grant list"
)]
pub struct GrantArguments {
    /// List the grants instead
    #[command(subcommand)]
    pub verb: Option<GrantVerb>,
    /// A user, a robot, or anonymous
    #[arg(required = true)]
    pub subject: Option<String>,
    /// What it may do
    #[arg(required = true)]
    pub actions: Option<String>,
    /// On which repositories
    #[arg(required = true)]
    pub pattern: Option<String>,
}

/// `grant list`
#[derive(Debug, Subcommand)]
pub enum GrantVerb {
    /// List the grants
    List,
}

/// `revoke`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  refloat revoke alice push 'apps/**'\n  refloat revoke alice 'apps/**'        all actions of the grant"
)]
pub struct RevokeArguments {
    /// A user, a robot, or anonymous
    pub subject: String,
    /// The actions to take back (all, if left out) and the pattern of the grant
    #[arg(required = true, num_args = 1..=2, value_names = ["ACTIONS", "PATTERN"])]
    pub actions_and_pattern: Vec<String>,
}

/// `token ..`
#[derive(Debug, Subcommand)]
pub enum TokenVerb {
    /// Create a token of your own and print it, once
    #[command(
        after_help = "Example:\n  refloat token create --label laptop --expires 90d --scope 'pull=apps/**'"
    )]
    Create(TokenCreate),
    /// List your tokens
    List,
    /// Revoke a token
    Revoke {
        /// Its id
        id: String,
    },
}

/// `token create`
#[derive(Debug, Args)]
pub struct TokenCreate {
    /// What it is for
    #[arg(long, default_value = "")]
    pub label: String,
    /// How long it is good for: 30d, 12h
    #[arg(long, value_name = "DURATION", value_parser = duration_seconds)]
    pub expires: Option<i64>,
    /// Narrow it: actions and a pattern, for example pull=apps/**; may be repeated
    #[arg(long = "scope", value_name = "ACTIONS=PATTERN")]
    pub scopes: Vec<String>,
}
