use super::*;

fn address(text: &str) -> StoreAddress {
    text.parse().unwrap()
}

fn mongo(text: &str) -> MongoUrl {
    match address(text) {
        StoreAddress::Mongo(url) => url,
        other => panic!("{other} is no MongoDB"),
    }
}

#[test]
fn each_form_is_understood() {
    assert_eq!(address(""), StoreAddress::Embedded);
    assert_eq!(address("sqlite:/srv/orch.db"), StoreAddress::File("/srv/orch.db".into()));
    assert_eq!(address("sqlite:///srv/orch.db"), StoreAddress::File("/srv/orch.db".into()));
    assert_eq!(mongo("mongodb://db.example").database(), "orch");
    assert_eq!(mongo("mongodb://db.example/?replicaSet=a").database(), "orch");
    assert_eq!(mongo("mongodb+srv://db.example/team?tls=true").database(), "team");
}

#[test]
fn what_is_no_address_is_refused_without_being_repeated() {
    for text in ["postgres://u:hunter2@h", "hunter2", "mongodb://u:hunter2@/orch"] {
        let error = text.parse::<StoreAddress>().unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
    assert!(matches!("sqlite:orch.db".parse::<StoreAddress>(), Err(InvalidAddress::Relative(_))));
    assert!(matches!(
        "mongodb://h/a.b".parse::<StoreAddress>(),
        Err(InvalidAddress::Database(name)) if name == "a.b"
    ));
}

#[test]
fn no_form_of_showing_an_address_shows_its_password() {
    for text in [
        "mongodb://orch:hunter2@a.example,b.example:27018/team?replicaSet=r",
        "mongodb://a.example/team?foo=hunter2",
        "mongodb://a.example/team?tls=true&tlsCertificateKeyFilePassword=p@ssHun:ter2",
        "mongodb://a.example/team?tlsCertificateKeyFilePassword=hunter2",
        "mongodb://a.example/?authMechanismProperties=AWS_SESSION_TOKEN:hunter2",
    ] {
        let shown = [format!("{}", address(text)), format!("{:?}", address(text))];
        for text in shown {
            assert!(!text.contains("ter2") && text.contains("a.example"), "{text}");
        }
    }
    let plain = "mongodb://orch@a.example:27017/team?replicaSet=r&tls=true";
    assert_eq!(address(plain).to_string(), plain);
    let hidden = "mongodb://orch:***@a.example/team";
    assert_eq!(address("mongodb://orch:secret@a.example/team").to_string(), hidden);
}

#[test]
fn a_sign_that_moves_a_password_is_refused_without_being_repeated() {
    for text in [
        "mongodb://orch:hunter2/@a.example/team",
        "mongodb://orch:hun?ter2@a.example/team",
        "mongodb://orch:hunter2/x",
        "mongodb://orch@hunter2:x@a.example/x",
        "mongodb://orch:1234/hunter2@a.example/team",
        "mongodb://orch:1234?hunter2@a.example/team",
    ] {
        let error = text.parse::<StoreAddress>().unwrap_err();
        assert_eq!(error, InvalidAddress::Escape, "{text}");
        assert!(!error.to_string().contains("hunter2"));
    }
}

#[test]
fn an_option_with_a_sign_of_users_changes_no_database() {
    assert_eq!(mongo("mongodb://h/team?appName=a@b").database(), "team");
    assert_eq!(mongo("mongodb://[::1]:27017,h:1/team").database(), "team");
    assert_eq!(mongo("mongodb://[::1]/team").database(), "team");
}
