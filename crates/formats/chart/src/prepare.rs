//! A chart with its values parsed and its dependencies decided: which are used, under which name, with which values
//! taken over by their parent (helm, pkg/chart/v2/util/dependencies.go).

use crate::chart::Chart;
use crate::load::ChartError;
use crate::metadata::{Dependency, ImportValues, Metadata};
use crate::values::coalesce::{Nulls, coalesce, tables};
use crate::values::{deep_copy, scalar, table};
use crate::version;
use refloat_template::{Map, Value};

/// A chart during one rendering.
#[derive(Clone)]
pub(crate) struct Prepared<'c> {
    /// Its templates, files and schema.
    pub(crate) chart: &'c Chart,
    pub(crate) metadata: Metadata,
    pub(crate) values: Map,
    pub(crate) dependencies: Vec<Prepared<'c>>,
}

impl<'c> Prepared<'c> {
    /// Parses the values of a chart and of all below it.
    pub(crate) fn of(chart: &'c Chart) -> Result<Self, ChartError> {
        // What is wrong with a chart is told before what is wrong below it.
        let values = chart.values()?;
        let below = chart.dependencies.iter().map(|below| {
            Self::of(below).map_err(|source| ChartError::Subchart {
                name: below.name().to_owned(),
                parent: chart.name().to_owned(),
                source: Box::new(source),
            })
        });
        Ok(Self {
            dependencies: below.collect::<Result<_, _>>()?,
            metadata: chart.metadata.clone(),
            values,
            chart,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Decides the dependencies for what a user gives.
    ///
    /// # Errors
    /// A value that is no table where a dependency needs one.
    pub(crate) fn decide_dependencies(&mut self, given: &Map) -> Result<(), String> {
        enable(self, given, "")?;
        import(self)
    }
}

fn enable(chart: &mut Prepared<'_>, given: &Map, path: &str) -> Result<(), String> {
    if chart.metadata.dependencies.is_empty() {
        return Ok(());
    }
    chart.dependencies = named(chart);
    for wanted in &mut chart.metadata.dependencies {
        wanted.name = wanted.used_name().to_owned();
        wanted.enabled = true;
    }
    let values = coalesce(chart, given, Nulls::Delete)?;
    for wanted in &mut chart.metadata.dependencies {
        by_tags(wanted, &values);
        by_condition(wanted, &values, path);
    }
    let disabled = chart.metadata.dependencies.iter();
    let disabled = disabled.filter(|wanted| !wanted.enabled);
    let disabled: Vec<String> = disabled.map(|wanted| wanted.name.clone()).collect();
    chart
        .dependencies
        .retain(|below| !disabled.contains(&below.metadata.name));
    chart
        .metadata
        .dependencies
        .retain(|wanted| !disabled.contains(&wanted.name));
    for below in &mut chart.dependencies {
        let path = format!("{path}{}.", below.name());
        enable(below, &values, &path)?;
    }
    Ok(())
}

/// The charts below, those that are declared under the names they are used by.
fn named<'c>(chart: &Prepared<'c>) -> Vec<Prepared<'c>> {
    let is = |below: &Prepared<'_>, wanted: &Dependency| {
        below.name() == wanted.name && version::fits(&wanted.version, &below.metadata.version)
    };
    let declared = &chart.metadata.dependencies;
    let undeclared = chart.dependencies.iter();
    let undeclared = undeclared.filter(|below| !declared.iter().any(|wanted| is(below, wanted)));
    let mut named: Vec<Prepared<'c>> = undeclared.cloned().collect();
    for wanted in declared {
        let found = chart.dependencies.iter().find(|below| is(below, wanted));
        if let Some(mut below) = found.cloned() {
            wanted.used_name().clone_into(&mut below.metadata.name);
            named.push(below);
        }
    }
    named
}

/// Off if one of its tags is off and none is on.
fn by_tags(wanted: &mut Dependency, values: &Map) {
    let Some(switches) = table(values, "tags") else {
        return;
    };
    let found = wanted.tags.iter().filter_map(|tag| switches.get(tag));
    let found: Vec<bool> = found.filter_map(|value| value.as_bool()).collect();
    wanted.enabled = found.is_empty() || found.contains(&true);
}

/// The first of its paths that holds a boolean decides.
fn by_condition(wanted: &mut Dependency, values: &Map, path: &str) {
    let paths = wanted.condition.trim().split(',');
    let paths = paths.filter(|condition| !condition.is_empty());
    let mut found = paths.filter_map(|condition| scalar(values, &format!("{path}{condition}")));
    if let Some(Value::Bool(truth)) = found.find(|value| value.as_bool().is_some()) {
        wanted.enabled = truth;
    }
}

/// Takes values over from the charts below, the deepest first.
fn import(chart: &mut Prepared<'_>) -> Result<(), String> {
    for below in &mut chart.dependencies {
        import(below)?;
    }
    if chart.metadata.dependencies.is_empty() {
        return Ok(());
    }
    let values = coalesce(chart, &Map::new(), Nulls::Keep)?;
    let imported = Map::new();
    for wanted in &mut chart.metadata.dependencies {
        for import in &mut wanted.import_values {
            let Some((child, parent)) = import.table() else {
                continue;
            };
            if let Some(found) = table(&values, &format!("{}.{child}", wanted.name)) {
                tables(&imported, &at_path(&parent, found), Nulls::Keep);
            }
            // As `.Chart.Dependencies` shows it afterwards.
            *import = ImportValues::Table { child, parent };
        }
    }
    // What the parent has itself wins over what it takes over.
    let values = deep_copy(&values);
    tables(&values, &imported, Nulls::Keep);
    chart.values = values;
    Ok(())
}

/// A map that holds `data` at a path; `.` is the top.
fn at_path(path: &str, data: Map) -> Map {
    if path == "." {
        return data;
    }
    path.rsplit('.').fold(data, |inner, key| {
        [(key, Value::Map(inner))].into_iter().collect()
    })
}
