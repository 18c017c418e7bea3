//! What each template is given (helm, pkg/engine/engine.go `recAllTpls`): `.Values`, `.Chart`, `.Release`, `.Files`,
//! `.Capabilities`, `.Subcharts`, `.Template`. The maps of a chart are shared by all its templates.

use super::{ReleaseAction, RenderOptions};
use crate::load::ChartFile;
use crate::prepare::Prepared;
use refloat_template::{Map, MapKind, Value, objects};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// Templates by their whole path.
pub(super) type Scopes<'c> = BTreeMap<String, Scope<'c>>;

/// A template and what it is given.
pub(super) struct Scope<'c> {
    pub(super) template: &'c ChartFile,
    pub(super) data: Map,
    folder: Rc<str>,
}

impl Scope<'_> {
    /// Says which template is about to be executed.
    pub(super) fn enter(&self, path: &str) {
        let entries = [
            ("Name".into(), Value::from(path)),
            ("BasePath".into(), Value::from(&*self.folder)),
        ];
        let template = Map::of(MapKind::Values, BTreeMap::from(entries));
        self.data.insert("Template", Value::Map(template));
    }
}

pub(super) fn scopes<'c>(
    chart: &Prepared<'c>,
    values: &Map,
    options: &RenderOptions,
) -> Scopes<'c> {
    let upgrade = options.action == ReleaseAction::Upgrade;
    let release: Map = [
        ("Name", Value::from(options.release.as_str())),
        ("Namespace", Value::from(options.namespace.as_str())),
        ("IsUpgrade", Value::Bool(upgrade)),
        ("IsInstall", Value::Bool(!upgrade)),
        ("Revision", Value::Int(options.revision)),
        ("Service", Value::from("Helm")),
    ]
    .into_iter()
    .collect();
    let shared = Shared {
        release: Value::Map(release),
        capabilities: objects::capabilities(options.capabilities.to_object()),
    };
    let mut scopes = Scopes::new();
    shared.add(chart, chart.name(), values, Level::Root, &mut scopes);
    scopes
}

struct Shared {
    release: Value,
    capabilities: Value,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Below,
}

impl Shared {
    /// Adds a chart's templates and those below it; returns what they are given.
    fn add<'c>(
        &self,
        chart: &Prepared<'c>,
        path: &str,
        values: &Map,
        level: Level,
        scopes: &mut Scopes<'c>,
    ) -> Map {
        let below = Map::new();
        let data: Map = [
            (
                "Chart",
                Value::Map(chart.metadata.to_template(level == Level::Root)),
            ),
            ("Files", files(&chart.chart.files)),
            ("Release", self.release.clone()),
            ("Capabilities", self.capabilities.clone()),
            ("Values", Value::Map(values.clone())),
            ("Subcharts", Value::Map(below.clone())),
        ]
        .into_iter()
        .collect();
        for child in &chart.dependencies {
            let name = child.name();
            let inner = match values.get(name) {
                Some(Value::Map(inner)) => inner.with_kind(MapKind::Values),
                _ => Map::of(MapKind::Values, BTreeMap::new()),
            };
            let path = format!("{path}/charts/{name}");
            let given = self.add(child, &path, &inner, Level::Below, scopes);
            below.insert(name, Value::Map(given));
        }
        let folder: Rc<str> = format!("{path}/templates").into();
        for template in &chart.chart.templates {
            let name = template.name.rsplit('/').next().unwrap_or_default();
            if chart.metadata.is_library() && !name.starts_with('_') {
                continue;
            }
            let scope = Scope {
                template,
                data: data.clone(),
                folder: Rc::clone(&folder),
            };
            scopes.insert(format!("{path}/{}", template.name), scope);
        }
        data
    }
}

fn files(files: &[ChartFile]) -> Value {
    let files = files.iter();
    let files = files.map(|file| (file.name.clone(), Arc::clone(&file.data)));
    objects::files(files.collect())
}
