//! Settings in layers, where things lie on disk, and tasks as files. The only place that gives a
//! meaning to the environment.

pub mod draft;
pub mod layers;
pub mod paths;
pub mod settings;
pub mod store_url;
pub mod task_file;
pub mod words;
