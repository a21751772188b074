//! What panes are made of. Text from outside enters the screen here and nowhere else, and is made
//! harmless on the way.

pub mod fold;
pub mod list;
pub mod row;
pub mod rule;
pub mod words;
