use super::*;

const SIZES: [(u16, u16); 8] =
    [(40, 10), (40, 12), (60, 20), (80, 24), (99, 60), (100, 24), (120, 36), (200, 60)];

fn shapes() -> Vec<Shape> {
    let mut shapes = Vec::new();
    for focus in Focus::HOME {
        for is_zoomed in [false, true] {
            for footer in [1, 2] {
                shapes.push(Shape { focus, is_zoomed, footer });
            }
        }
    }
    shapes
}

#[test]
fn nothing_overlaps_and_nothing_is_outside() {
    for (width, height) in SIZES {
        for shape in shapes() {
            let areas = layout(Size { width, height }, shape);
            let mut all = vec![areas.header, areas.footer];
            all.extend(areas.panes.iter().flat_map(|pane| [pane.rule, pane.body]));
            all.extend(areas.ticker);
            let screen = Rect { x: 0, y: 0, width, height };
            for (at, one) in all.iter().enumerate() {
                assert_eq!(one.intersection(screen), *one, "{width}×{height} {shape:?}");
                for other in &all[at + 1..] {
                    assert!(one.intersection(*other).is_empty(), "{width}×{height} {shape:?}");
                }
            }
        }
    }
}

#[test]
fn every_cell_is_somebodys() {
    for (width, height) in SIZES {
        for shape in shapes() {
            let areas = layout(Size { width, height }, shape);
            let mut cells = areas.header.area() + areas.footer.area();
            cells +=
                areas.panes.iter().map(|pane| pane.rule.area() + pane.body.area()).sum::<u32>();
            cells += areas.ticker.map_or(0, Rect::area);
            // The lowest cell of the divider lies on the rule of the findings.
            cells += areas.divider.map_or(0, |divider| divider.area() - 1);
            assert_eq!(cells, u32::from(width) * u32::from(height), "{width}×{height} {shape:?}");
        }
    }
}

#[test]
fn the_focused_pane_is_always_in_sight() {
    for (width, height) in SIZES {
        for shape in shapes() {
            let areas = layout(Size { width, height }, shape);
            let pane = areas.pane(shape.focus).unwrap();
            assert!(pane.body.height >= 3, "{width}×{height} {shape:?}");
            assert_eq!(areas.pane_at(pane.body.as_position()), Some(pane));
        }
    }
}

#[test]
fn a_tiny_screen_has_no_panes() {
    for (width, height) in [(39, 10), (40, 9), (0, 0), (1, 1)] {
        for shape in shapes() {
            assert_eq!(layout(Size { width, height }, shape), Areas::default());
        }
    }
}
