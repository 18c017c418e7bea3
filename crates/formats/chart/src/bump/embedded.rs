//! YAML in a text of YAML: `helm.values: |` of an Application. The inner text is edited as values are, and its splices are
//! moved to where its lines stand outside.

use super::find::ValuesPath;
use super::splice::Plan;
use super::tree::{Document, Kind, Node, read_all};
use super::{BumpError, ImageRef, in_values};
use granit_parser::ScalarStyle;

/// The edit of the image at `path` in the text at `outer`.
pub(super) fn plan(
    text: &str,
    node: &Node,
    outer: &ValuesPath,
    path: &ValuesPath,
    new: &ImageRef,
) -> Result<Plan, BumpError> {
    let form = |reason: &str| BumpError::Form {
        path: outer.to_string(),
        line: node.line,
        reason: reason.to_owned(),
    };
    let Kind::Scalar { text: inner, style } = &node.kind else {
        return Err(form("holds no text"));
    };
    if *style != ScalarStyle::Literal {
        return Err(form("is no block of lines (`|`); write it as one"));
    }
    let lines = Lines::of(text, node, inner)
        .ok_or_else(|| form("is indented in a way that is not followed; edit it by hand"))?;
    let documents: Vec<Document> = read_all(inner)?;
    let mut plan = in_values(inner, &documents, path, new)?;
    let edited = super::splice::edited(inner, &plan)?;
    for splice in &mut plan.splices {
        let range = splice.range.clone();
        splice.range = lines.outside(range.start)..lines.outside(range.end);
        splice.text = splice
            .text
            .replace('\n', &format!("{}{}", lines.end, lines.indent));
        splice.line += lines.first_line - 1;
        splice.within = Some((outer.clone(), edited.clone()));
        splice.document = 0;
    }
    plan.path = outer.clone();
    Ok(plan)
}

/// Where the lines of a block stand in the text.
struct Lines {
    indent: String,
    end: &'static str,
    /// Of the first line of the block, counted from 1.
    first_line: usize,
    /// Of each inner line: where it begins inside, and where outside, behind the indentation.
    starts: Vec<(usize, usize)>,
}

impl Lines {
    /// `None` if the lines outside are not those inside with one indentation before each.
    fn of(text: &str, node: &Node, inner: &str) -> Option<Self> {
        // The node begins at its `|`, or at its first line: the header is the line that holds the sign.
        let first = inner.lines().find(|line| !line.trim().is_empty())?;
        let mut at = text[..node.span.start].rfind('\n').map_or(0, |end| end + 1);
        let header = text[at..].find('\n')? + at;
        if text[at..header].contains('|') {
            at = header + 1;
        }
        let outside = text[at..].lines().find(|line| !line.trim().is_empty())?;
        let indent = outside.strip_suffix(first)?;
        if indent.is_empty() || !indent.bytes().all(|byte| byte == b' ') {
            return None;
        }
        let first_line = text[..at].matches('\n').count() + 1;
        let end = if text[..=header].ends_with("\r\n") {
            "\r\n"
        } else {
            "\n"
        };
        let (mut starts, mut inside) = (Vec::new(), 0);
        for line in inner.split_inclusive('\n') {
            let length = text[at..].find('\n').map_or(text.len() - at, |end| end + 1);
            let outer = text[at..at + length].trim_end_matches(['\r', '\n']);
            let wanted = line.trim_end_matches('\n');
            let behind = match outer.strip_prefix(indent) {
                Some(rest) if rest == wanted => at + indent.len(),
                None if wanted.is_empty() && outer.trim().is_empty() => at,
                _ => return None,
            };
            starts.push((inside, behind));
            inside += line.len();
            at += length;
        }
        Some(Self {
            indent: indent.to_owned(),
            end,
            first_line,
            starts,
        })
    }

    fn outside(&self, inside: usize) -> usize {
        let line = self.starts.partition_point(|(start, _)| *start <= inside);
        let (start, outside) = self.starts[line.saturating_sub(1)];
        outside + inside - start
    }
}
