//! Another base under an image, by the command line alone: on layouts, on our registry, on others' registries.

mod bad;
mod builders;
mod compare;
mod forms;
mod indexes;
mod layouts;
mod refusals;
mod registries;
mod scene;
