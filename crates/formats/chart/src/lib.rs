//! Charts: loading, values, rendering, packaging, and edits of exactly the intended lines.
