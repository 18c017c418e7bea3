//! Watching, the graph, and cascades: from a base that moved to patched images.
