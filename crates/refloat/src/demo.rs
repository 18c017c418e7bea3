//! `refloat demo`: the main job from end to end, through the public commands and API of a server that it starts.
//!
//! ```text
//! an upstream with a Debian base ─► a runtime, services on it, a chart, two environments
//! the base gets its security updates, nobody is told ─► sweep ─► plan ─► patches ─► chart ─► releases ─► why
//! ```
//! Every line is shown before it runs, behind `$ `; typed by hand, the lines give the same.

mod base;
mod cluster;
mod interrupt;
mod needs;
mod scene;
mod stage;
mod story;
mod unbuilt;
mod waiting;

use anyhow::{Context, Result};
use base::{Debian, Mirror, Moment};
use interrupt::{INTERRUPTED, Interrupt};
use needs::Means;
use refloat_cli::arguments::DemoArguments;
use refloat_cli::error::CliError;
use scene::Goal;
use stage::Stage;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use story::{Beginning, EVENTS, Log};

/// The folder with `--keep`.
const KEPT: &str = "refloat-demo";
/// Where dated Debian images are, if nobody says.
const DATED: &str = "docker.io/library/debian";
/// The ports that are taken if they are free.
const PORTS: [u16; 2] = [5000, 5001];
/// How long the whole cascade may take until the demo gives up waiting.
const CASCADE_MAX: Duration = Duration::from_mins(10);

/// Runs the demo.
pub(crate) fn run(arguments: &DemoArguments) -> Result<(), CliError> {
    play(arguments).map_err(|error| {
        if error.root_cause().to_string() == INTERRUPTED {
            let message = format!("the demo stopped: {INTERRUPTED}");
            return CliError::failed("interrupted", message, "nothing of it runs any more");
        }
        CliError::failed(
            "demo_failed",
            format!("the demo stopped: {error:#}"),
            "with --keep its folder stays, with the logs of its servers",
        )
    })
}

fn play(arguments: &DemoArguments) -> Result<()> {
    let wanted = match arguments.debian {
        Some(_) => Means::Dated,
        None => Means::Whole,
    };
    needs::check(wanted)?;
    if let Some(kubeconfig) = &arguments.kubeconfig {
        std::fs::read(kubeconfig)
            .with_context(|| format!("cannot read the kubeconfig {}", kubeconfig.display()))?;
    }
    let interrupt = Interrupt::listen()?;
    let (folder, _removed_at_end) = folder(arguments.keep)?;
    let mut stage = Stage::new(folder, interrupt);
    let started = Instant::now();
    stage.chapter("What the demo needs");
    stage.enter()?;
    let means = needs::install(&stage, wanted)?;
    let debian = match means {
        Means::Whole | Means::RebaseOnly => Debian::Packages(Mirror::of_this_machine()?),
        Means::Dated => Debian::Tags(dated_tags(arguments.debian.as_deref())?),
    };
    match (means, &debian) {
        (Means::RebaseOnly, Debian::Packages(mirror)) => unbuilt::play(&mut stage, mirror)?,
        _ => play_whole(&mut stage, arguments, &debian)?,
    }
    stage.mark("the whole demo", started);
    if arguments.keep {
        stage.say(&format!(
            "Everything stays in {}.",
            stage.folder().display()
        ));
    }
    stage.say(&format!("\nTimings\n{}", stage.timings().trim_end()));
    Ok(())
}

fn play_whole(stage: &mut Stage, arguments: &DemoArguments, debian: &Debian) -> Result<()> {
    let (home, upstream) = (free_port(PORTS[0])?, free_port(PORTS[1])?);
    let places = Places {
        home: format!("127.0.0.1:{home}"),
        upstream: format!("127.0.0.1:{upstream}"),
    };
    let goal = match arguments.kubeconfig {
        Some(_) => Goal::Cluster("cluster"),
        None => Goal::Folders,
    };
    open(stage, &places, home, upstream)?;
    make_base(stage, &places, debian)?;
    build_everything(stage, &places)?;
    if let Some(kubeconfig) = &arguments.kubeconfig {
        stage.chapter("A cluster whose pods may pull, and nothing else");
        cluster::open(stage, &places, kubeconfig)?;
    }
    let mut log = Log::default();
    first_release(stage, &places, &goal, &mut log)?;
    update(stage, &places, debian, &mut log)?;
    if arguments.kubeconfig.is_some() {
        stage.chapter("What runs in production now");
        cluster::ask_pods(stage, "after")?;
        cluster::show_difference(stage)?;
    }
    show_result(stage, &places)?;
    stage.chapter("The end");
    stage.close();
    if arguments.kubeconfig.is_some() {
        cluster::farewell(stage);
    }
    Ok(())
}

/// The earliest and the latest dated Debian of this repository, or of Docker Hub's.
fn dated_tags(repository: Option<&str>) -> Result<[String; 2]> {
    let repository = repository.unwrap_or(DATED);
    let tags = crate::alone::tags(repository).map_err(|error| {
        anyhow::anyhow!(
            "mmdebstrap is not here, so the demo takes dated Debian images, and {repository} cannot be read: {}; \
             name a repository that has them with --debian, or install mmdebstrap",
            error.message
        )
    })?;
    base::dated(repository, &tags)
}

/// The upstream's base moves, and what follows of it.
fn update(stage: &mut Stage, places: &Places, debian: &Debian, log: &mut Log) -> Result<()> {
    stage.chapter("The upstream gets its security updates, and nobody is told");
    let since = Instant::now();
    base::publish(stage, debian, Moment::After, &places.upstream)?;
    stage.mark("Debian with its security updates, made and pushed", since);

    let since = Instant::now();
    stage.chapter("The sweep finds it; what follows is recorded with its cause");
    story::until_released(stage, log, Beginning::BaseMoved, 2, CASCADE_MAX)?;
    stage.mark("from the push upstream to production", since);
    Ok(())
}

/// Hosts and ports of the two registries.
struct Places {
    home: String,
    upstream: String,
}

fn folder(keep: bool) -> Result<(PathBuf, Option<Removed>)> {
    if keep {
        let folder = std::env::current_dir()?.join(KEPT);
        std::fs::create_dir(&folder).with_context(|| {
            format!(
                "cannot make the folder {}; if an earlier demo left it, remove it",
                folder.display()
            )
        })?;
        return Ok((folder, None));
    }
    let folder = std::env::temp_dir().join(format!("refloat-demo-{}", std::process::id()));
    std::fs::create_dir(&folder)?;
    Ok((folder.clone(), Some(Removed(folder))))
}

/// A folder that goes with the demo.
struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// This port if nobody listens on it, otherwise one that the system gives.
fn free_port(wanted: u16) -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, wanted))
        .or_else(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .context("no port is free on 127.0.0.1")?;
    Ok(listener.local_addr()?.port())
}

fn open(stage: &mut Stage, places: &Places, home: u16, upstream: u16) -> Result<()> {
    stage.chapter("A registry of somebody else, and ours");
    stage.export("DOCKER_CONFIG", "$PWD/docker")?;
    stage.export("REGISTRY_AUTH_FILE", "$PWD/docker/config.json")?;
    stage.serve("upstream", upstream)?;
    stage.serve("home", home)?;
    for (name, host) in [("upstream", &places.upstream), ("home", &places.home)] {
        stage.run(&format!(
            "refloat login {host} -u admin --password-stdin < {name}/admin-password"
        ))?;
    }
    stage.export("REFLOAT_SERVER", &format!("http://{}", places.home))
}

fn make_base(stage: &mut Stage, places: &Places, debian: &Debian) -> Result<()> {
    stage.chapter("Debian as it was before its security updates");
    let since = Instant::now();
    base::publish(stage, debian, Moment::Before, &places.upstream)?;
    stage.mark("Debian before its security updates, made and pushed", since);
    Ok(())
}

fn build_everything(stage: &mut Stage, places: &Places) -> Result<()> {
    stage.chapter("The team's sources, and the tasks that build them");
    let since = Instant::now();
    let sources = scene::sources(&places.home, &places.upstream);
    for source in &sources {
        let folder = format!("src/{}", source.name);
        for (name, text) in &source.files {
            stage.write(&format!("{folder}/{name}"), text)?;
        }
        stage.run(&format!(
            "git -C {folder} init -q -b main && git -C {folder} add . && \
             git -C {folder} -c user.name=team -c user.email=team@example.com commit -q -m 'first version'"
        ))?;
    }
    let here = stage.folder().display().to_string();
    stage.write("documents.yaml", &scene::documents(&here, &places.upstream))?;
    stage.run("refloat apply -f documents.yaml")?;
    stage.run("refloat run runtime --wait")?;
    stage.run(
        "runs=$(for task in web api mail static; do refloat run $task -q; done); \
         for run in $runs; do refloat wait $run; done",
    )?;
    stage.mark("five images built for the first time", since);
    stage.say("What stands on what:");
    stage.run("refloat images")?;
    stage.run("refloat graph")?;
    Ok(())
}

fn first_release(stage: &mut Stage, places: &Places, goal: &Goal, log: &mut Log) -> Result<()> {
    stage.chapter("A chart, and its release to staging and production");
    let since = Instant::now();
    for (name, text) in scene::chart(&places.home, goal) {
        stage.write(name, &text)?;
    }
    stage.run(&format!(
        "refloat package chart {}/charts/shop:1.0.0",
        places.home
    ))?;
    let here = stage.folder().display().to_string();
    stage.write("release.yaml", &scene::release(&here, goal))?;
    stage.start("events", "events --follow -o json", EVENTS)?;
    stage.run("refloat apply -f release.yaml")?;
    story::until_released(stage, log, Beginning::FirstRelease, 1, CASCADE_MAX)?;
    stage.mark("the first release, to two environments", since);
    match goal {
        Goal::Folders => stage.run("grep -rh image: out").map(drop),
        Goal::Cluster(_) => cluster::ask_pods(stage, "before"),
    }
}

fn show_result(stage: &Stage, places: &Places) -> Result<()> {
    let home = &places.home;
    stage.chapter("What became of it");
    stage.run("refloat cascade list")?;
    stage.run("refloat images")?;
    stage.run("refloat status shop")?;
    stage.run(&format!("refloat tag-history {home}/apps/web:1"))?;
    stage.say("The first build and the rebased image differ in these packages:");
    stage.run(&format!(
        "refloat compare {home}/apps/web:$(refloat tags {home}/apps/web -q | grep -m1 run_) {home}/apps/web:1 | sed -n '/^packages/,$p'"
    ))?;
    stage.say("A rebased image has the same files as a build of the same source on the new base:");
    stage.run(&format!(
        "for name in web api; do refloat build src/$name -t {home}/check/$name:1 -q 2>> build.log; \
         refloat compare {home}/apps/$name:1 {home}/check/$name:1; done"
    ))?;
    stage.chapter("Why is this in production?");
    stage.run("refloat why release/shop")?;
    Ok(())
}
