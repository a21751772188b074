//! The way of a repository into a workspace and back, with the real git.

use std::process::Command;

use tempfile::TempDir;

use super::*;
use crate::domain::run::tests::id;

struct Host {
    folder: TempDir,
    workspaces: Workspaces,
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let identity = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"];
    let output =
        Command::new("git").arg("-C").arg(folder).args(identity).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl Host {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let env = HostEnv::from(|name| std::env::var_os(name));
        let workspaces = Workspaces::new(&folder.path().join("data"), env).unwrap();
        let host = Self { folder, workspaces };
        fs::create_dir(host.source()).unwrap();
        git(&host.source(), &["init", "-q"]);
        host
    }

    fn with_commit() -> Self {
        let host = Self::new();
        host.commit("a.txt", "one\n");
        host
    }

    fn source(&self) -> PathBuf {
        self.folder.path().join("source")
    }

    fn commit(&self, name: &str, text: &str) -> String {
        fs::write(self.source().join(name), text).unwrap();
        git(&self.source(), &["add", "-A"]);
        git(&self.source(), &["commit", "-q", "-m", name]);
        git(&self.source(), &["rev-parse", "HEAD"])
    }

    async fn prepare(&self, branch: Option<&str>) -> Result<String, GitError> {
        let source = self.source().display().to_string();
        let me = rustix::process::geteuid().as_raw();
        let wanted = Wanted {
            run: id(4),
            repository: id(2),
            source: &source,
            base_branch: branch,
            base: None,
            branch: "agent/web/tidy/4",
            owner: (me, me),
        };
        self.workspaces.prepare(&wanted).await
    }

    fn tree(&self) -> PathBuf {
        self.workspaces.folders(id(4)).tree()
    }

    /// What the sandbox does at the end.
    fn collect(&self, base: &str) -> bool {
        let out = self.workspaces.folders(id(4)).out();
        let script = Workspaces::collect_script(base, &out.display().to_string(), "it's done");
        let status = Command::new("sh")
            .args(["-c", &script])
            .current_dir(self.tree())
            .env("GIT_AUTHOR_NAME", "orch")
            .env("GIT_AUTHOR_EMAIL", "o@o")
            .env("GIT_COMMITTER_NAME", "orch")
            .env("GIT_COMMITTER_EMAIL", "o@o")
            .status()
            .unwrap();
        status.success()
    }
}

#[tokio::test]
async fn a_workspace_is_a_clone_of_the_base_on_its_own_branch() {
    let host = Host::with_commit();
    let head = git(&host.source(), &["rev-parse", "HEAD"]);
    assert_eq!(host.prepare(None).await.unwrap(), head);
    assert_eq!(git(&host.tree(), &["rev-parse", "HEAD"]), head);
    assert_eq!(git(&host.tree(), &["branch", "--show-current"]), "agent/web/tidy/4");
    assert_eq!(git(&host.tree(), &["remote"]), "");
    assert_eq!(git(&host.tree(), &["status", "--porcelain"]), "");
}

#[tokio::test]
async fn preparing_again_finds_what_is_there() {
    let host = Host::with_commit();
    let base = host.prepare(None).await.unwrap();
    fs::write(host.tree().join("work"), "in progress").unwrap();
    host.commit("b.txt", "later\n");
    assert_eq!(host.prepare(None).await.unwrap(), base, "the base does not move");
    assert!(host.tree().join("work").exists());
}

#[tokio::test]
async fn what_an_interrupted_attempt_left_is_not_trusted() {
    let host = Host::with_commit();
    host.prepare(None).await.unwrap();
    fs::remove_file(host.workspaces.folders(id(4)).base_file()).unwrap();
    fs::write(host.tree().join("half"), "half").unwrap();
    host.prepare(None).await.unwrap();
    assert!(!host.tree().join("half").exists());
}

#[tokio::test]
async fn a_branch_can_be_asked_for() {
    let host = Host::with_commit();
    git(&host.source(), &["checkout", "-q", "-b", "dev"]);
    let dev = host.commit("dev.txt", "dev\n");
    git(&host.source(), &["checkout", "-q", "-"]);
    assert_eq!(host.prepare(Some("dev")).await.unwrap(), dev);
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let host = Host::with_commit();
    let error = host.prepare(Some("missing")).await.unwrap_err();
    assert_eq!(error.hints, ["the source has no branch `missing`"]);
    let error = Host::new().prepare(None).await.unwrap_err();
    assert_eq!(error.hints, ["the repository has no commit yet: make one first"]);
    let gone = Host::with_commit();
    fs::remove_dir_all(gone.source()).unwrap();
    let error = gone.prepare(None).await.unwrap_err();
    assert!(error.hints[0].contains("git repository that you can read"), "{error:?}");
    assert!(!error.words.is_empty());
}

#[tokio::test]
async fn the_work_comes_back_as_a_bundle_and_goes_to_a_branch() {
    let host = Host::with_commit();
    let base = host.prepare(None).await.unwrap();
    fs::write(host.tree().join("a.txt"), "one\ntwo\nthree\n").unwrap();
    fs::write(host.tree().join("new file.txt"), "new\n").unwrap();
    assert!(host.collect(&base));
    let head = host.workspaces.accept(id(2), id(4), &base).await.unwrap();
    assert_ne!(head, base);
    assert_eq!(host.workspaces.head(id(2), id(4)).await, Some(head.clone()));
    let stat = host.workspaces.stat(id(2), &base, &head).await.unwrap();
    assert_eq!(stat, DiffStat { files: 2, additions: 3, deletions: 0 });
    let patch = host.workspaces.patch(id(2), &base, &head).await.unwrap();
    assert!(patch.contains("+three\n"), "{patch}");
    let source = host.source().display().to_string();
    host.workspaces.push(id(2), id(4), &source, "agent/x").await.unwrap();
    assert_eq!(git(&host.source(), &["rev-parse", "agent/x"]), head);
    // The same once more changes nothing.
    host.workspaces.push(id(2), id(4), &source, "agent/x").await.unwrap();
}

#[tokio::test]
async fn a_run_that_changed_nothing_ends_at_its_base() {
    let host = Host::with_commit();
    let base = host.prepare(None).await.unwrap();
    assert!(host.collect(&base));
    assert_eq!(host.workspaces.accept(id(2), id(4), &base).await.unwrap(), base);
}

#[tokio::test]
async fn hooks_that_an_agent_left_do_not_run() {
    use std::os::unix::fs::PermissionsExt;
    let host = Host::with_commit();
    let base = host.prepare(None).await.unwrap();
    let hooks = host.tree().join(".git/hooks");
    fs::create_dir_all(&hooks).unwrap();
    let mark = host.folder.path().join("mark");
    for hook in ["pre-commit", "post-commit", "reference-transaction", "post-index-change"] {
        let path = hooks.join(hook);
        fs::write(&path, format!("#!/bin/sh\ntouch {}\n", mark.display())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::write(host.tree().join("a.txt"), "changed\n").unwrap();
    assert!(host.collect(&base));
    host.workspaces.accept(id(2), id(4), &base).await.unwrap();
    assert!(!mark.exists());
}

#[tokio::test]
async fn a_bundle_that_is_no_file_is_refused() {
    let host = Host::with_commit();
    let base = host.prepare(None).await.unwrap();
    let bundle = host.workspaces.folders(id(4)).out().join("result.bundle");
    std::os::unix::fs::symlink("/etc/passwd", &bundle).unwrap();
    let error = host.workspaces.accept(id(2), id(4), &base).await.unwrap_err();
    assert!(error.words.contains("no plain file"), "{error:?}");
    fs::remove_file(&bundle).unwrap();
    fs::write(&bundle, "garbage").unwrap();
    assert!(host.workspaces.accept(id(2), id(4), &base).await.is_err());
    assert_eq!(host.workspaces.head(id(2), id(4)).await, None);
}

#[tokio::test]
async fn freeing_takes_the_workspace_and_leaves_the_result() {
    let host = Host::with_commit();
    let base = host.prepare(None).await.unwrap();
    host.workspaces.accept(id(2), id(4), &base).await.unwrap();
    host.workspaces.free(id(4)).unwrap();
    host.workspaces.free(id(4)).unwrap();
    assert!(!host.tree().exists());
    assert_eq!(host.workspaces.head(id(2), id(4)).await, Some(base));
}
