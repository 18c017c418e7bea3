//! Pages of lists: keyset, never an offset.

/// Which part of a list is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<K> {
    /// The last key of the page before; `None` asks for the first page.
    pub after: Option<K>,
    /// The most items wanted; capped by [`PAGE_ITEMS_MAX`].
    pub limit: usize,
}

/// The most items of one page, whatever is asked for.
pub const PAGE_ITEMS_MAX: usize = 1000;

impl<K> Page<K> {
    /// How many items this page may have.
    pub fn limit(&self) -> usize {
        self.limit.min(PAGE_ITEMS_MAX)
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    /// Its items, in the list's order.
    pub items: Vec<T>,
    /// Whether there are more after them.
    pub more: bool,
}
