//! Documents of a rendered template, cut as Kubernetes' reader cuts them (k8s.io/apimachinery, pkg/util/yaml `YAMLReader`).

/// The documents up to the first separator that is none; that one's words.
pub(super) fn split(text: &str) -> (Vec<String>, Option<String>) {
    let mut documents = Vec::new();
    let mut current = String::new();
    for line in text.split_inclusive('\n') {
        let Some(rest) = line.strip_prefix("---") else {
            current.push_str(line);
            continue;
        };
        let rest = rest.trim();
        if !rest.is_empty() && !rest.starts_with('#') {
            // The document before it is lost too: the reader fails while it looks for that one's end.
            return (
                documents,
                Some(format!("invalid Yaml document separator: {rest}")),
            );
        }
        if !current.is_empty() {
            documents.push(std::mem::take(&mut current));
        }
    }
    if !current.is_empty() {
        documents.push(current);
    }
    (documents, None)
}
