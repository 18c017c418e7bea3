//! Names that a template makes (helm, pkg/action/install.go `TemplateName`).

use refloat_template::{Context, File, Map, Oracle, ParsedText, Set, TemplateError, Value};

/// What errors call the template, as helm does.
const FILE: &str = "name-template";

/// The text that a template makes of nothing but its functions.
///
/// # Errors
/// [`TemplateError`].
pub fn name_by_template(template: &str, oracle: &dyn Oracle) -> Result<String, TemplateError> {
    let parsed = ParsedText::default();
    let set = Set::of(vec![File {
        path: FILE,
        bytes: template.as_bytes(),
        parsed: &parsed,
    }])?;
    let mut context = Context::new(oracle);
    set.render(FILE, &Value::Map(Map::new()), &mut context)
}

#[cfg(test)]
mod tests {
    use super::*;
    use refloat_template::{Answer, Question};

    struct Nothing;

    impl Oracle for Nothing {
        fn ask(&self, _: &Question<'_>) -> Option<Answer> {
            None
        }
    }

    #[test]
    fn a_name_is_made_by_functions() {
        let name = name_by_template("shop-{{ \"A\" | lower }}-{{ add 1 2 }}", &Nothing);
        assert_eq!(name.expect("a name"), "shop-a-3");
        assert!(name_by_template("shop-{{ ", &Nothing).is_err());
    }
}
