//! Every hazard with real layers: one image that must be refused, and a near miss that must pass.

mod adversary;
mod expectations;
mod gates;
mod layers;
mod pairs;
mod real;
mod runtimes;
mod symbols;
