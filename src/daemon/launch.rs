//! What a step of a run is launched with: its files, its folders, its environment, its bounds.

use std::fs;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::Shared;
use crate::domain::limits::{NetworkProfile, SandboxKind};
use crate::domain::run::Run;
use crate::domain::stage::Stage;
use crate::engine::reconcile::sandbox_name;
use crate::harness::{Places, Plan};
use crate::sandbox::{LaunchSpec, Mount, Owner};

/// The user of containers when the daemon itself is root.
const CONTAINER_USER: (u32, u32) = (1000, 1000);

/// The step that takes a run's work out of its sandbox.
pub(super) const COLLECT: &str = "collect";
/// Where the bundle is put, as the sandbox sees it.
pub(super) fn out_place(kind: SandboxKind, out: &Path) -> PathBuf {
    match kind {
        SandboxKind::Docker => PathBuf::from("/out"),
        SandboxKind::Process => out.to_owned(),
    }
}

/// Whose the files of a workspace are, and as whom containers run: never root.
pub(super) fn user(kind: SandboxKind) -> (u32, u32) {
    let me = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    match kind {
        SandboxKind::Docker if me.0 == 0 => CONTAINER_USER,
        SandboxKind::Docker | SandboxKind::Process => me,
    }
}

/// Where things lie, as the sandbox of a step sees them.
pub(super) fn places(shared: &Shared, run: &Run, step: &str, attempt: u32) -> Places {
    let folders = shared.workspaces.folders(run.id());
    let text = |path: PathBuf| path.display().to_string();
    match run.spec().sandbox.kind {
        SandboxKind::Docker => Places {
            tree: "/workspace".to_owned(),
            control: "/orch".to_owned(),
            home: "/home/agent".to_owned(),
        },
        SandboxKind::Process => Places {
            tree: text(folders.tree()),
            control: text(folders.control(step, attempt)),
            home: text(folders.home()),
        },
    }
}

/// Writes the files of a step and says what is to be launched.
pub(super) fn launch_spec(
    shared: &Shared,
    run: &Run,
    step: &str,
    attempt: u32,
    plan: &Plan,
) -> std::io::Result<LaunchSpec> {
    let folders = shared.workspaces.folders(run.id());
    let control = folders.control(step, attempt);
    fs::create_dir_all(&control)?;
    // Said outright, for the daemon's own mask may be stricter: the user of a container reads it.
    fs::set_permissions(&control, fs::Permissions::from_mode(0o755))?;
    for file in &plan.files {
        write_executable(&control.join(file.name), &file.text)?;
    }
    let places = places(shared, run, step, attempt);
    let profile = &run.spec().sandbox;
    let kind = profile.kind;
    let objects = shared.workspaces.shared_objects(run.repository());
    let mount = |host: PathBuf, inside: &str, writable| Mount {
        host,
        inside: PathBuf::from(inside),
        writable,
    };
    let shared_objects = objects.display().to_string();
    let mut mounts = vec![
        mount(folders.tree(), &places.tree, true),
        mount(folders.home(), &places.home, true),
        mount(control, &places.control, false),
        // A clone finds the objects that it shares by their path on the host.
        mount(objects, &shared_objects, false),
    ];
    if step == COLLECT {
        let out = folders.out();
        let inside = out_place(kind, &out);
        mounts.push(Mount { host: out, inside, writable: true });
    }
    Ok(LaunchSpec {
        name: sandbox_name(run.id(), step, attempt),
        owner: Owner {
            instance: shared.instance.clone(),
            project: run.project(),
            repository: run.repository(),
            task: run.task(),
            run: run.id(),
            step: step.to_owned(),
        },
        image: profile.image.clone(),
        argv: plan.argv.clone(),
        env: environment(shared, run, &places),
        folder: PathBuf::from(&places.tree),
        mounts,
        network: if step == Stage::Verify.name() || step == COLLECT {
            NetworkProfile::None
        } else {
            profile.network
        },
        memory: profile.memory,
        milli_cpus: profile.milli_cpus,
        pids: profile.pids,
        user: user(kind),
    })
}

fn write_executable(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    // A file that is being executed cannot be written; a new one in its place can.
    let draft = path.with_extension("new");
    let mut file =
        fs::File::options().write(true).create(true).truncate(true).mode(0o755).open(&draft)?;
    file.write_all(text.as_bytes())?;
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o755))?;
    fs::rename(draft, path)
}

fn environment(shared: &Shared, run: &Run, places: &Places) -> Vec<(String, String)> {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut env = vec![
        pair("HOME", &places.home),
        pair("LANG", "C.UTF-8"),
        pair("TERM", "dumb"),
        pair("GIT_AUTHOR_NAME", "orch"),
        pair("GIT_AUTHOR_EMAIL", "orch@localhost"),
        pair("GIT_COMMITTER_NAME", "orch"),
        pair("GIT_COMMITTER_EMAIL", "orch@localhost"),
        pair("ORCH_RUN", &run.id().to_string()),
        pair("ORCH_TASK", &run.path().to_string()),
    ];
    if run.spec().sandbox.kind == SandboxKind::Process {
        // A container's image says where its programs are; a process has the host's.
        let path = shared.host_env.get("PATH").and_then(|path| path.to_str());
        env.push(pair("PATH", path.unwrap_or("/usr/local/bin:/usr/bin:/bin")));
    }
    env.extend(run.spec().sandbox.env.iter().map(|(name, value)| pair(name, value)));
    env
}
