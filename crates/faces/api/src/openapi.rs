//! The OpenAPI description, made from the table of routes.

use crate::routes::{Body, ROUTES, Right, Route};
use axum::http::Method;
use serde_json::Value;
use std::sync::LazyLock;
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, ParameterBuilder, ParameterIn,
};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, OpenApiBuilder, PathsBuilder, Required,
    ResponseBuilder,
};

/// The description as JSON, made once.
pub(crate) fn description() -> &'static Value {
    static DESCRIPTION: LazyLock<Value> = LazyLock::new(|| {
        let mut paths = PathsBuilder::new().build();
        for route in ROUTES {
            paths.add_path_operation(
                format!("/api/v1{}", route.path),
                vec![method(&route.method)],
                operation(route),
            );
        }
        let components = ComponentsBuilder::new()
            .security_scheme(
                "basic",
                SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Basic).build()),
            )
            .security_scheme(
                "bearer",
                SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
            )
            .build();
        let info = InfoBuilder::new()
            .title("Refloat")
            .version(env!("CARGO_PKG_VERSION"))
            .description(Some(
                "Lists are paged: `next` is the cursor for `after`. Writes take `Idempotency-Key`.",
            ))
            .build();
        let whole = OpenApiBuilder::new()
            .info(info)
            .paths(paths)
            .components(Some(components))
            .build();
        serde_json::to_value(whole).unwrap_or_default()
    });
    &DESCRIPTION
}

fn method(method: &Method) -> HttpMethod {
    match *method {
        Method::POST => HttpMethod::Post,
        Method::DELETE => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

fn operation(route: &Route) -> Operation {
    let words = route
        .path
        .split(['/', '{', '}', '.'])
        .filter(|word| !word.is_empty());
    let id = words.fold(route.method.as_str().to_lowercase(), |id, word| {
        format!("{id}_{word}")
    });
    let mut operation = OperationBuilder::new()
        .operation_id(Some(id))
        .summary(Some(route.summary))
        .description(Some(right(route.right)))
        .request_body(body(route.body))
        .response("200", json_response("done"))
        .response(
            "default",
            json_response("an error: {\"error\":{\"code\",\"message\",\"detail\"}}"),
        );
    for name in route
        .path
        .split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
    {
        let parameter = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(text()));
        operation = operation.parameter(parameter.build());
    }
    for query in route.query {
        let parameter = ParameterBuilder::new()
            .name(query.name)
            .parameter_in(ParameterIn::Query)
            .description(Some(query.about))
            .schema(Some(text()));
        operation = operation.parameter(parameter.build());
    }
    if route.method != Method::GET {
        let about = "one text per write: a repeated request is answered and not done again";
        let parameter = ParameterBuilder::new()
            .name("Idempotency-Key")
            .parameter_in(ParameterIn::Header)
            .description(Some(about))
            .schema(Some(text()));
        operation = operation.parameter(parameter.build());
    }
    if route.right != Right::Open {
        let none = Vec::<String>::new;
        operation = operation
            .security(SecurityRequirement::new("basic", none()))
            .security(SecurityRequirement::new("bearer", none()));
    }
    operation.build()
}

fn text() -> utoipa::openapi::schema::Object {
    ObjectBuilder::new().schema_type(Type::String).build()
}

fn body(body: Body) -> Option<RequestBody> {
    let object = || {
        ContentBuilder::new()
            .schema(Some(ObjectBuilder::new().schema_type(Type::Object).build()))
            .build()
    };
    match body {
        Body::None => None,
        Body::Small => Some(
            RequestBodyBuilder::new()
                .content("application/json", object())
                .build(),
        ),
        Body::Documents => {
            let yaml = ContentBuilder::new().schema(Some(text())).build();
            Some(
                RequestBodyBuilder::new()
                    .content("application/json", object())
                    .content("application/yaml", yaml)
                    .build(),
            )
        }
    }
}

fn json_response(about: &str) -> utoipa::openapi::Response {
    let object = ContentBuilder::new()
        .schema(Some(ObjectBuilder::new().schema_type(Type::Object).build()))
        .build();
    ResponseBuilder::new()
        .description(about)
        .content("application/json", object)
        .build()
}

fn right(right: Right) -> String {
    match right {
        Right::Open => "Open to all.".to_owned(),
        Right::SignedIn => "For whoever is signed in.".to_owned(),
        Right::Visible => "For anyone; shows what the caller may pull.".to_owned(),
        Right::Touched => {
            "For whoever may pull something that it is about; shows that part.".to_owned()
        }
        Right::Repository(action) => format!("Needs `{}` on the repository.", action.name()),
        Right::Project => "For administrators of the project.".to_owned(),
        Right::Administrator => "For administrators.".to_owned(),
    }
}
