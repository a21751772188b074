//! The hardening of a container, as data.

use std::collections::HashMap;

use bollard::models::{ContainerCreateBody, HostConfig, HostConfigLogConfig, ResourcesUlimits};

use super::{LABEL_INSTANCE, LABEL_RUN};
use crate::domain::limits::NetworkProfile;
use crate::sandbox::LaunchSpec;

/// Open files of one process. More than most engines' own limit could not be given.
const OPEN_FILES: i64 = 16_384;

/// What the engine is asked to create.
pub(super) fn container(spec: &LaunchSpec) -> ContainerCreateBody {
    let owner = &spec.owner;
    let labels = HashMap::from([
        (LABEL_INSTANCE.to_owned(), owner.instance.clone()),
        ("orch.project".to_owned(), owner.project.to_string()),
        ("orch.repo".to_owned(), owner.repository.to_string()),
        ("orch.task".to_owned(), owner.task.to_string()),
        (LABEL_RUN.to_owned(), owner.run.to_string()),
        ("orch.stage".to_owned(), owner.step.clone()),
    ]);
    ContainerCreateBody {
        image: Some(spec.image.clone()),
        // An entry point of the image would get our program as its argument.
        entrypoint: Some(Vec::new()),
        cmd: Some(spec.argv.clone()),
        env: Some(spec.env.iter().map(|(name, value)| format!("{name}={value}")).collect()),
        working_dir: Some(spec.folder.display().to_string()),
        user: Some(format!("{}:{}", spec.user.0, spec.user.1)),
        labels: Some(labels),
        // No terminal, so that the two streams stay apart; no input, so that nothing waits for it.
        tty: Some(false),
        open_stdin: Some(false),
        host_config: Some(host_config(spec)),
        ..ContainerCreateBody::default()
    }
}

fn host_config(spec: &LaunchSpec) -> HostConfig {
    let memory = i64::try_from(spec.memory.as_bytes()).unwrap_or(i64::MAX);
    let network = match spec.network {
        NetworkProfile::None => "none",
        NetworkProfile::Open => "bridge",
    };
    let binds = spec.mounts.iter().map(|mount| {
        let mode = if mount.writable { "rw" } else { "ro" };
        format!("{}:{}:{mode}", mount.host.display(), mount.inside.display())
    });
    HostConfig {
        binds: Some(binds.collect()),
        cap_drop: Some(vec!["ALL".to_owned()]),
        security_opt: Some(vec!["no-new-privileges:true".to_owned()]),
        readonly_rootfs: Some(true),
        tmpfs: Some(HashMap::from([(
            "/tmp".to_owned(),
            "rw,exec,nosuid,nodev,mode=1777,size=1g".to_owned(),
        )])),
        init: Some(true),
        network_mode: Some(network.to_owned()),
        memory: Some(memory),
        // Equal to the memory: no swap on top.
        memory_swap: Some(memory),
        nano_cpus: Some(i64::from(spec.milli_cpus) * 1_000_000),
        pids_limit: Some(i64::from(spec.pids)),
        ulimits: Some(vec![
            ResourcesUlimits {
                name: Some("nofile".to_owned()),
                soft: Some(OPEN_FILES),
                hard: Some(OPEN_FILES),
            },
            ResourcesUlimits { name: Some("core".to_owned()), soft: Some(0), hard: Some(0) },
        ]),
        // The engine must not rotate: a rotated log loses lines for whoever follows it. What a
        // stage may print is bounded by whoever reads it. The size is beyond any disk, because
        // saying nothing would let the engine's own setting hold.
        log_config: Some(HostConfigLogConfig {
            typ: Some("json-file".to_owned()),
            config: Some(HashMap::from([("max-size".to_owned(), "1024t".to_owned())])),
        }),
        ..HostConfig::default()
    }
}
