//! Files and functions that fit into a head.

use std::path::Path;

use syn::spanned::Spanned;
use syn::visit::Visit;

use super::Violation;
use super::sources::Source;

/// Lines of a file, its tests not counted.
const FILE_LINES_MAX: usize = 600;

/// Lines between the braces of a function.
const FUNCTION_LINES_MAX: usize = 70;

/// What is too long in one file. Tests may be as long as they need.
pub(super) fn check(source: &Source) -> Vec<Violation> {
    let mut violations = Vec::new();
    if source.is_test {
        return violations;
    }
    let total = source.text.lines().count();
    let lines = (1..=total)
        .filter(|line| !source.is_test_line(*line))
        .count();
    if lines > FILE_LINES_MAX {
        let message = format!(
            "{lines} lines without tests, more than {FILE_LINES_MAX}: split it by what it is about"
        );
        violations.push(Violation::new(&source.path, 1, message));
    }
    let mut functions = Functions::default();
    functions.visit_file(&source.syntax);
    let long = functions
        .found
        .iter()
        .filter(|function| function.lines > FUNCTION_LINES_MAX)
        .filter(|function| !source.is_test_line(function.line));
    violations.extend(long.map(|function| function.violation(&source.path)));
    violations
}

struct Function {
    name: String,
    line: usize,
    lines: usize,
}

impl Function {
    fn violation(&self, path: &Path) -> Violation {
        let Self { name, line, lines } = self;
        let message =
            format!("{name} has {lines} lines, more than {FUNCTION_LINES_MAX}: name its parts");
        Violation::new(path, *line, message)
    }
}

#[derive(Default)]
struct Functions {
    found: Vec<Function>,
}

impl Functions {
    fn note(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let span = body.span();
        self.found.push(Function {
            name: signature.ident.to_string(),
            line: signature.fn_token.span.start().line,
            lines: (span.end().line - span.start().line).saturating_sub(1),
        });
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.note(&item.sig, &item.block);
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.note(&item.sig, &item.block);
        syn::visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(body) = &item.default {
            self.note(&item.sig, body);
        }
        syn::visit::visit_trait_item_fn(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(name: &str, lines: usize) -> String {
        format!("fn {name}() {{\n{}}}\n", "    step();\n".repeat(lines))
    }

    fn messages(path: &str, text: &str) -> anyhow::Result<Vec<String>> {
        let source = Source::parse(Path::new(path), text)?;
        Ok(check(&source).iter().map(ToString::to_string).collect())
    }

    #[test]
    fn seventy_lines_are_enough() -> anyhow::Result<()> {
        let text = function("short", 70) + &function("long", 71);
        let found = messages("a.rs", &text)?;
        assert_eq!(found.len(), 1);
        assert!(
            found[0].starts_with("a.rs:73: long has 71 lines"),
            "{found:?}"
        );
        Ok(())
    }

    #[test]
    fn tests_do_not_count() -> anyhow::Result<()> {
        let code = "fn f() {\n    a();\n    b();\n    c();\n}\n\n".repeat(100);
        assert_eq!(messages("a.rs", &code)?, [""; 0]);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", function("t", 200));
        assert_eq!(messages("a.rs", &(code.clone() + &tests))?, [""; 0]);
        assert_eq!(messages("a/tests.rs", &code.repeat(2))?, [""; 0]);
        assert_eq!(messages("a.rs", &(code + "fn more() {}\n"))?.len(), 1);
        Ok(())
    }
}
