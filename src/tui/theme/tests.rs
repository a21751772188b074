use super::*;

fn luminance(colour: Rgb) -> f64 {
    let linear = |channel: u8| {
        let value = f64::from(channel) / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(colour.0) + 0.7152 * linear(colour.1) + 0.0722 * linear(colour.2)
}

/// As WCAG 2 defines it.
fn contrast(one: Rgb, two: Rgb) -> f64 {
    let (one, two) = (luminance(one), luminance(two));
    (one.max(two) + 0.05) / (one.min(two) + 0.05)
}

fn shipped() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("themes");
    let mut themes = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        themes.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
    }
    assert!(themes.len() >= BUILT_IN.len());
    themes
}

#[test]
fn the_scale_of_contrast_is_the_known_one() {
    assert!((contrast(Rgb(0, 0, 0), Rgb(255, 255, 255)) - 21.0).abs() < 0.001);
    assert!((contrast(Rgb(0x77, 0x77, 0x77), Rgb(255, 255, 255)) - 4.478).abs() < 0.001);
}

#[test]
fn shipped_themes_can_be_read_by_everybody() {
    for (path, text) in shipped() {
        let theme: ThemeFile = toml::from_str(&text).unwrap();
        let roles = [
            ("text", &theme.text, 7.0),
            ("dim", &theme.dim, 4.5),
            ("signal", &theme.signal, 7.0),
            ("danger", &theme.danger, 7.0),
            ("active", &theme.active, 7.0),
            ("rule", &theme.rule, 4.5),
            ("title", &theme.title, 7.0),
            ("focus", &theme.focus, 7.0),
            ("selection", &theme.selection, 7.0),
        ];
        assert!(!theme.backgrounds.is_empty(), "{path} names no background");
        for (name, role, least) in roles {
            // Without a colour of its own a role is as legible as the terminal itself.
            let Some(colour) = role.rgb else { continue };
            for background in &theme.backgrounds {
                let found = contrast(colour, role.background.unwrap_or(*background));
                assert!(found >= least, "{path}: {name} has {found:.2} on {background:?}");
            }
        }
    }
}

#[test]
fn no_colour_means_no_colour() {
    for (name, _) in BUILT_IN {
        let theme = Theme::load(name, Depth::Mono).unwrap();
        for style in [theme.text(), theme.dim(), theme.signal(), theme.danger(), theme.rule()] {
            assert_eq!((style.fg, style.bg), (None, None), "{name}");
        }
    }
}

#[test]
fn sixteen_colours_are_the_terminals_own() {
    let theme = Theme::load("glass", Depth::Sixteen).unwrap();
    assert_eq!(theme.signal().fg, Some(Color::Yellow));
    assert_eq!(theme.dim().fg, None);
    assert!(theme.dim().add_modifier.contains(Modifier::DIM));
    assert_eq!(theme.text(), Style::new());
}

#[test]
fn the_environment_decides_the_depth() {
    let depth = |pairs: &[(&str, &str)]| {
        Depth::of_environment(|name| {
            pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    };
    assert_eq!(depth(&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")]), Depth::True);
    assert_eq!(depth(&[("TERM", "xterm-256color"), ("NO_COLOR", "1")]), Depth::Mono);
    assert_eq!(depth(&[("TERM", "xterm-256color"), ("NO_COLOR", "")]), Depth::Indexed);
    assert_eq!(depth(&[("TERM", "linux")]), Depth::Sixteen);
    assert_eq!(depth(&[("TERM", "dumb")]), Depth::Mono);
}

#[test]
fn the_nearest_of_256_colours_is_near() {
    assert_eq!(Rgb(0, 0, 0).nearest(), 16);
    assert_eq!(Rgb(255, 255, 255).nearest(), 231);
    assert_eq!(Rgb(0xff, 0xaf, 0).nearest(), 214);
    assert_eq!(Rgb(0xa8, 0xa8, 0xa8).nearest(), 248);
}

#[test]
fn a_theme_with_an_unknown_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    std::fs::write(&path, GLASS.replace("[dim]", "[dimm]")).unwrap();
    let error = Theme::load(path.to_str().unwrap(), Depth::True).unwrap_err();
    let ThemeError::Invalid { source, .. } = error else { panic!("{error}") };
    assert!(source.to_string().contains("unknown field `dimm`"), "{source}");

    std::fs::write(&path, GLASS).unwrap();
    let mine = Theme::load(path.to_str().unwrap(), Depth::True).unwrap();
    assert_eq!(mine, Theme::load("glass", Depth::True).unwrap());
    assert!(matches!(Theme::load("gloss", Depth::True), Err(ThemeError::NotFound { .. })));
}
