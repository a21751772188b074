mod fixture;
mod flows;
mod harness;
mod one_more_pane;
mod screens;
