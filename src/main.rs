//! m
fn main() {
    let args: Vec<String> = std::env::args().collect();
    if args.get(1).map(String::as_str) == Some("__keep") {
        orch::sandbox::process::keeper::keep(args[2].clone().into()).unwrap();
        return;
    }
    tracing_subscriber::fmt()
        .with_env_filter("debug,hyper=info,bollard=info")
        .with_writer(std::io::stderr)
        .init();
    let env = |n: &str| std::env::var_os(n);
    let paths = orch::config::paths::Paths::resolve(env).unwrap();
    let settings = toml::from_str(include_str!("config/defaults.toml")).unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        orch::daemon::run(
            orch::daemon::Start {
                paths,
                settings,
                host_env: orch::workspace::HostEnv::from(env),
                docker_host: None,
            },
            Default::default(),
        )
        .await
        .unwrap();
    });
}
