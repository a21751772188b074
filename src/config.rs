//! Settings in layers, and where things lie on disk. The only place that reads the environment.

pub mod paths;
pub mod settings;
