//! Rows of the graph, of watched references, of plans and cascades.
