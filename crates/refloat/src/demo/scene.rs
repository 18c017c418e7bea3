//! What stands on the stage: the sources of the team, their chart, and the documents that tie them together.

/// A repository of source: its name, and its files.
pub(super) struct Source {
    pub(super) name: &'static str,
    pub(super) files: Vec<(&'static str, String)>,
}

/// The team's sources, in the order in which they are first built.
pub(super) fn sources(home: &str, upstream: &str) -> Vec<Source> {
    vec![
        Source {
            name: "runtime",
            files: vec![(
                "Dockerfile",
                format!(
                    "FROM {upstream}/library/debian:12\n\
                     RUN apt-get update && apt-get install -y --no-install-recommends openssl && rm -rf /var/lib/apt/lists/*\n\
                     ENV SHOP_RUNTIME=1\n"
                ),
            )],
        },
        copy_only(home, "web"),
        copy_only(home, "api"),
        Source {
            name: "mail",
            files: vec![(
                "Dockerfile",
                format!(
                    "FROM {home}/team/runtime:1\n\
                     RUN apt-get update && apt-get install -y --no-install-recommends curl && rm -rf /var/lib/apt/lists/*\n\
                     CMD [\"sleep\", \"infinity\"]\n"
                ),
            )],
        },
        Source {
            name: "static",
            files: vec![(
                "Dockerfile",
                format!(
                    "FROM {upstream}/library/debian:12 AS build\n\
                     RUN apt-get update && apt-get install -y --no-install-recommends busybox-static && rm -rf /var/lib/apt/lists/*\n\
                     FROM scratch\n\
                     COPY --from=build /bin/busybox /busybox\n\
                     ENTRYPOINT [\"/busybox\"]\n"
                ),
            )],
        },
    ]
}

fn copy_only(home: &str, name: &'static str) -> Source {
    Source {
        name,
        files: vec![
            (
                "Dockerfile",
                format!(
                    "FROM {home}/team/runtime:1\n\
                     COPY message /app/message\n\
                     CMD [\"sleep\", \"infinity\"]\n"
                ),
            ),
            ("message", format!("the {name} of the shop\n")),
        ],
    }
}

/// Everything that `refloat apply` is given before the first build.
pub(super) fn documents(folder: &str, upstream: &str) -> String {
    let mut text = format!(
        "apiVersion: refloat/v1\n\
         kind: Upstream\n\
         name: debian\n\
         registry: {upstream}\n\
         credential: upstream\n\
         watch: [\"library/debian:12\"]\n\
         every: 10s\n\
         ---\n\
         apiVersion: refloat/v1\n\
         kind: Credential\n\
         name: upstream\n\
         for: {upstream}\n\
         username: admin\n\
         password: {{ file: upstream/admin-password }}\n"
    );
    let tasks = [
        ("runtime", "team/runtime", "[]", "RUNTIME"),
        (
            "web",
            "apps/web",
            "[{ run: [test, -s, /app/message] }]",
            "RUNTIME",
        ),
        (
            "api",
            "apps/api",
            "[{ run: [test, -s, /app/message] }]",
            "RUNTIME",
        ),
        (
            "mail",
            "apps/mail",
            "[{ run: [curl, --version] }]",
            "RUNTIME",
        ),
        ("static", "apps/static", "[]", "RUNTIME"),
    ];
    for (name, image, tests, triggers) in tasks {
        let task = format!(
            "---\n\
             apiVersion: refloat/v1\n\
             kind: Task\n\
             name: {name}\n\
             image: {image}\n\
             tags: {{ unique: \"{{{{ .Run.ID }}}}\", stable: [\"1\"] }}\n\
             source: {{ git: \"{folder}/src/{name}\", branch: main, context: ., dockerfile: Dockerfile }}\n\
             triggers: {{ base: [{triggers}] }}\n\
             tests: {tests}\n\
             builder: buildah\n"
        );
        text.push_str(&task);
    }
    text
}

/// Where a release goes.
pub(super) enum Goal {
    /// A folder of rendered manifests for each environment.
    Folders,
    /// Namespaces of a cluster; the name of the credential that opens it.
    Cluster(&'static str),
}

/// The release document, applied once the chart is there.
pub(super) fn release(folder: &str, goal: &Goal) -> String {
    let target = |environment: &str| match goal {
        Goal::Folders => format!("{{ folder: \"{folder}/out/{environment}\" }}"),
        Goal::Cluster(credential) => format!(
            "{{ kubernetes: {{ credential: {credential}, namespace: shop-{environment} }} }}"
        ),
    };
    let [staging, production] = ENVIRONMENTS.map(target);
    format!(
        "apiVersion: refloat/v1\n\
         kind: Release\n\
         name: shop\n\
         chart: charts/shop:1.0.0\n\
         publish: charts/shop\n\
         images:\n  \
           web.image: {{ repository: apps/web, tags: \"tag:1\" }}\n  \
           api.image: {{ repository: apps/api, tags: \"tag:1\" }}\n  \
           mail.image: {{ repository: apps/mail, tags: \"tag:1\" }}\n\
         values: [values.yaml]\n\
         environments:\n  \
           - name: staging\n    \
             values: [values-staging.yaml]\n    \
             target: {staging}\n  \
           - name: production\n    \
             after: staging\n    \
             values: [values-production.yaml]\n    \
             target: {production}\n\
         update: [image, chart]\n"
    )
}

/// The environments of the release, in their order.
pub(super) const ENVIRONMENTS: [&str; 2] = ["staging", "production"];

/// The chart's files.
pub(super) fn chart(home: &str, goal: &Goal) -> Vec<(&'static str, String)> {
    let secret = match goal {
        Goal::Folders => "",
        Goal::Cluster(_) => "pull",
    };
    let service = |name: &str| {
        format!(
            "{name}:\n  image:\n    repository: {home}/apps/{name}\n    tag: \"1\" # moved by refloat\n"
        )
    };
    vec![
        (
            "chart/Chart.yaml",
            "apiVersion: v2\nname: shop\ndescription: Three services on one runtime\ntype: application\nversion: 1.0.0\nappVersion: \"1\"\n"
                .to_owned(),
        ),
        (
            "chart/values.yaml",
            format!(
                "# What every environment begins with.\nreplicas: 1\npullSecret: \"{secret}\"\n{}{}{}",
                service("web"),
                service("api"),
                service("mail")
            ),
        ),
        ("chart/values-staging.yaml", "replicas: 1\n".to_owned()),
        ("chart/values-production.yaml", "replicas: 2\n".to_owned()),
        ("chart/templates/deployments.yaml", DEPLOYMENTS.to_owned()),
    ]
}

const DEPLOYMENTS: &str = r#"{{- range $name := list "web" "api" "mail" }}
{{- $image := (index $.Values $name).image }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $.Release.Name }}-{{ $name }}
  labels:
    app: {{ $name }}
spec:
  replicas: {{ $.Values.replicas }}
  selector:
    matchLabels:
      app: {{ $name }}
  template:
    metadata:
      labels:
        app: {{ $name }}
    spec:
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 1
      {{- with $.Values.pullSecret }}
      imagePullSecrets:
        - name: {{ . }}
      {{- end }}
      containers:
        - name: {{ $name }}
          image: "{{ $image.repository }}:{{ $image.tag }}"
          imagePullPolicy: Always
          command: [sleep, infinity]
{{- end }}
"#;
