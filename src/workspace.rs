//! Repositories on the host: one bare cache for each, a clone of its own for every run, and the
//! way back, by which a run's work enters the cache as a bundle.
//!
//! The host's git never runs inside a tree that an agent has written. What a run has made is
//! committed and bundled inside a sandbox; the host takes the bundle as input, checked.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, lchown};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex;

use crate::domain::id::{RepositoryId, RunId};

mod git;

pub use git::{Git, GitError, HostEnv};

/// The largest bundle that is taken.
const MAX_BUNDLE: u64 = 2 << 30;
/// The ref inside a sandbox that names the result.
const RESULT_REF: &str = "refs/orch/result";
/// How often, and with which waits, we try while another git holds what we need: one that a daemon
/// before us had started goes on without it.
const LOCK_ATTEMPTS: u32 = 20;
const LOCK_WAIT: Duration = Duration::from_secs(1);

/// The folders of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFolders {
    root: PathBuf,
}

impl RunFolders {
    /// The clone that the agent works in.
    pub fn tree(&self) -> PathBuf {
        self.root.join("tree")
    }

    /// The agent's home, kept from stage to stage.
    pub fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// What orch writes for one execution of a step.
    pub fn control(&self, step: &str, attempt: u32) -> PathBuf {
        self.root.join("control").join(format!("{step}-{attempt}"))
    }

    /// Where the result is bundled.
    pub fn out(&self) -> PathBuf {
        self.root.join("out")
    }

    fn base_file(&self) -> PathBuf {
        self.root.join("base")
    }
}

/// What a workspace is made of.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// The run.
    pub run: RunId,
    /// The repository.
    pub repository: RepositoryId,
    /// Where it is cloned from.
    pub source: &'a str,
    /// The branch to start from; `None` is whatever the source calls HEAD.
    pub base_branch: Option<&'a str>,
    /// The commit to start from, where an earlier attempt has fixed it.
    pub base: Option<&'a str>,
    /// The branch to make.
    pub branch: &'a str,
    /// Whose the files are to be.
    pub owner: (u32, u32),
}

/// Added, removed and touched, between two commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DiffStat {
    /// Files changed.
    pub files: u64,
    /// Lines added.
    pub additions: u64,
    /// Lines removed.
    pub deletions: u64,
}

/// All caches and workspaces of one daemon.
pub struct Workspaces {
    caches: PathBuf,
    root: PathBuf,
    git: Git,
    locks: StdMutex<HashMap<RepositoryId, Arc<Mutex<()>>>>,
}

impl Workspaces {
    /// Caches and workspaces below `data`.
    ///
    /// # Errors
    /// Where the folders cannot be made.
    pub fn new(data: &Path, env: HostEnv) -> io::Result<Self> {
        let caches = data.join("caches");
        let root = data.join("workspaces");
        for folder in [&caches, &root] {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let git = Git::new(data, env)?;
        Ok(Self { caches, root, git, locks: StdMutex::new(HashMap::new()) })
    }

    /// The folders of a run, whether they are there or not.
    pub fn folders(&self, run: RunId) -> RunFolders {
        RunFolders { root: self.root.join(run.to_string()) }
    }

    /// The objects of a repository's cache, which its workspaces share and may only read.
    pub fn shared_objects(&self, repository: RepositoryId) -> PathBuf {
        self.cache(repository).join("objects")
    }

    fn cache(&self, repository: RepositoryId) -> PathBuf {
        self.caches.join(format!("{repository}.git"))
    }

    fn lock(&self, repository: RepositoryId) -> Arc<Mutex<()>> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(locks.entry(repository).or_default())
    }

    /// Makes a run's workspace, or finds it made, and returns the commit that it starts from.
    ///
    /// # Errors
    /// [`GitError`], with git's words.
    pub async fn prepare(&self, wanted: &Wanted<'_>) -> Result<String, GitError> {
        let folders = self.folders(wanted.run);
        // The folder comes into its place as a whole, so that what is there is complete.
        if let Ok(base) = fs::read_to_string(folders.base_file()) {
            return Ok(base);
        }
        let lock = self.lock(wanted.repository);
        let _held = lock.lock().await;
        let cache = self.cache(wanted.repository);
        self.refresh_patiently(&cache, wanted.source).await?;
        let base = match (wanted.base, wanted.base_branch) {
            (Some(base), _) => base.to_owned(),
            (None, Some(branch)) => {
                let reference = format!("refs/heads/{branch}^{{commit}}");
                self.git
                    .bare(&cache, "find the branch", &["rev-parse", "--verify", &reference])
                    .await
                    .map_err(|error| error.hint(format!("the source has no branch `{branch}`")))?
            }
            (None, None) => {
                let reference = "refs/orch/head^{commit}";
                self.git
                    .bare(&cache, "find the source's HEAD", &["rev-parse", "--verify", reference])
                    .await?
            }
        };
        self.clone_tree(&cache, &folders, &base, wanted).await?;
        Ok(base)
    }

    async fn refresh_patiently(&self, cache: &Path, source: &str) -> Result<(), GitError> {
        for _ in 1..LOCK_ATTEMPTS {
            match self.refresh(cache, source).await {
                Err(error) if error.is_locked_out() => tokio::time::sleep(LOCK_WAIT).await,
                other => return other,
            }
        }
        self.refresh(cache, source).await
    }

    async fn refresh(&self, cache: &Path, source: &str) -> Result<(), GitError> {
        if !cache.exists() {
            let draft = cache.with_extension("new");
            remove(&draft).map_err(|e| GitError::io("clear the folder of the cache", &e))?;
            self.git
                .run("make the cache", &["init", "--quiet", "--bare", "--template=", &text(&draft)])
                .await?;
            fs::rename(&draft, cache).map_err(|e| GitError::io("make the cache", &e))?;
        }
        let refspecs = ["+HEAD:refs/orch/head", "+refs/heads/*:refs/heads/*"];
        let fetch = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--prune", source];
        let arguments: Vec<&str> = fetch.into_iter().chain(refspecs).collect();
        self.git.bare(cache, &format!("fetch from {source}"), &arguments).await.map(drop).map_err(
            |error| {
                if error.words.contains("remote ref HEAD") {
                    error.hint("the repository has no commit yet: make one first")
                } else {
                    error.hint("check that the path or URL is a git repository that you can read")
                }
            },
        )
    }

    async fn clone_tree(
        &self,
        cache: &Path,
        folders: &RunFolders,
        base: &str,
        wanted: &Wanted<'_>,
    ) -> Result<(), GitError> {
        let failed = |e: io::Error| GitError::io("make the workspace", &e);
        // A folder of its own for each attempt: an interrupted one may still be written to.
        let unique = std::process::id();
        let draft = RunFolders { root: self.root.join(format!("{}.new-{unique}", wanted.run)) };
        remove(&draft.root).map_err(failed)?;
        for folder in [&draft.root, &draft.home(), &draft.out()] {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        }
        let tree = text(&draft.tree());
        let clone = ["clone", "--quiet", "--shared", "--no-checkout", "--no-tags", "--template="];
        let places = [text(cache), tree.clone()];
        let arguments: Vec<&str> =
            clone.into_iter().chain(places.iter().map(String::as_str)).collect();
        self.git.run("clone the cache", &arguments).await?;
        let checkout = ["-C", &tree, "checkout", "--quiet", "-b", wanted.branch, base];
        self.git.run("check out the base", &checkout).await?;
        self.git.run("detach the clone", &["-C", &tree, "remote", "remove", "origin"]).await?;
        for folder in [draft.tree(), draft.home(), draft.out()] {
            give(&folder, wanted.owner).map_err(failed)?;
        }
        fs::write(draft.base_file(), base).map_err(failed)?;
        remove(&folders.root).map_err(failed)?;
        fs::rename(&draft.root, &folders.root).map_err(failed)
    }

    /// What a sandbox executes to commit and bundle a run's work: the text of a shell script that
    /// expects to be started in the tree, with `out` as the folder for the bundle.
    pub fn collect_script(base: &str, out: &str, message: &str) -> String {
        let message = message.replace('\'', "'\\''");
        format!(
            "set -e\n\
             export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0\n\
             command -v git >/dev/null || {{ echo 'git is not in the image' >&2; exit 127; }}\n\
             g() {{ git -c core.hooksPath=/dev/null -c core.fsmonitor=false \
             -c commit.gpgSign=false -c gc.auto=0 \"$@\"; }}\n\
             rm -f '{out}/result.bundle'\n\
             g add -A\n\
             g diff --cached --quiet || g commit --quiet --no-verify -m '{message}'\n\
             [ \"$(g rev-parse HEAD)\" = {base} ] && exit 0\n\
             g update-ref {RESULT_REF} HEAD\n\
             g bundle create -q '{out}/result.bundle' {RESULT_REF} ^{base}\n"
        )
    }

    /// Takes the bundle of a run into the cache, and returns the commit that the run ended at.
    ///
    /// # Errors
    /// [`GitError`] where it is no good bundle; the cache stays as it was.
    pub async fn accept(
        &self,
        repository: RepositoryId,
        run: RunId,
        base: &str,
    ) -> Result<String, GitError> {
        let lock = self.lock(repository);
        let _held = lock.lock().await;
        let cache = self.cache(repository);
        let result = result_ref(run);
        let bundle = self.folders(run).out().join("result.bundle");
        match bundle.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.git.bare(&cache, "note the result", &["update-ref", &result, base]).await?;
            }
            Err(error) => return Err(GitError::io("look at the bundle", &error)),
            Ok(found) if !found.is_file() || found.len() > MAX_BUNDLE => {
                return Err(GitError::refused("the bundle is no plain file, or larger than 2 GiB"));
            }
            Ok(_) => {
                let refspec = format!("+{RESULT_REF}:{result}");
                let path = text(&bundle);
                let arguments = [
                    "-c",
                    "transfer.fsckObjects=true",
                    "fetch",
                    "--quiet",
                    "--no-tags",
                    "--no-write-fetch-head",
                    &path,
                    &refspec,
                ];
                self.git.bare(&cache, "take the result over", &arguments).await?;
            }
        }
        self.git.bare(&cache, "find the result", &["rev-parse", "--verify", &result]).await
    }

    /// The commit that a run ended at, if its result was taken over.
    pub async fn head(&self, repository: RepositoryId, run: RunId) -> Option<String> {
        let arguments = ["rev-parse", "--verify", "--quiet", &result_ref(run)];
        self.git.bare(&self.cache(repository), "find the result", &arguments).await.ok()
    }

    /// Pushes a run's result to a branch of the source.
    ///
    /// # Errors
    /// [`GitError`], with git's words.
    pub async fn push(
        &self,
        repository: RepositoryId,
        run: RunId,
        source: &str,
        branch: &str,
    ) -> Result<(), GitError> {
        let refspec = format!("{}:refs/heads/{branch}", result_ref(run));
        let arguments = ["push", "--quiet", "--no-verify", source, &refspec];
        let action = format!("push to {source}");
        let cache = self.cache(repository);
        let mut attempts = 0;
        loop {
            let Err(error) = self.git.bare(&cache, &action, &arguments).await else {
                return Ok(());
            };
            // A push that a daemon before us had started may have done it, or be about to.
            if self.has_arrived(&cache, run, source, branch).await {
                return Ok(());
            }
            attempts += 1;
            if !error.is_locked_out() || attempts == LOCK_ATTEMPTS {
                return Err(error.hint("check that you may push there, then run again"));
            }
            tokio::time::sleep(LOCK_WAIT).await;
        }
    }

    async fn has_arrived(&self, cache: &Path, run: RunId, source: &str, branch: &str) -> bool {
        let reference = format!("refs/heads/{branch}");
        let theirs = ["ls-remote", source, &reference];
        let ours = ["rev-parse", "--verify", &result_ref(run)];
        let there = self.git.bare(cache, "look at the source", &theirs).await;
        let here = self.git.bare(cache, "find the result", &ours).await;
        match (there, here) {
            (Ok(there), Ok(head)) => there.split_whitespace().next() == Some(head.as_str()),
            (Err(_), _) | (_, Err(_)) => false,
        }
    }

    /// How much a run changed.
    ///
    /// # Errors
    /// [`GitError`] where one of the commits is not there.
    pub async fn stat(
        &self,
        repository: RepositoryId,
        base: &str,
        head: &str,
    ) -> Result<DiffStat, GitError> {
        let arguments = ["diff", "--numstat", "--no-ext-diff", "--no-textconv", base, head];
        let table = self.git.bare(&self.cache(repository), "compare", &arguments).await?;
        let mut stat = DiffStat::default();
        for line in table.lines() {
            let mut columns = line.split('\t');
            // A binary file has hyphens in place of numbers.
            let mut count =
                || columns.next().and_then(|column| column.parse().ok()).unwrap_or(0u64);
            stat.files += 1;
            stat.additions += count();
            stat.deletions += count();
        }
        Ok(stat)
    }

    /// What a run changed, as a patch.
    ///
    /// # Errors
    /// [`GitError`] where one of the commits is not there, or the patch is too long.
    pub async fn patch(
        &self,
        repository: RepositoryId,
        base: &str,
        head: &str,
    ) -> Result<String, GitError> {
        let arguments = ["diff", "--no-ext-diff", "--no-textconv", "--no-color", base, head];
        let patch = self.git.bare_raw(&self.cache(repository), "compare", &arguments).await?;
        Ok(String::from_utf8_lossy(&patch).into_owned())
    }

    /// Removes a run's workspace. Its result stays in the cache.
    ///
    /// # Errors
    /// Where something of it cannot be removed.
    pub fn free(&self, run: RunId) -> io::Result<()> {
        let drafts = format!("{run}.new-");
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(&drafts) {
                remove(&entry.path())?;
            }
        }
        remove(&self.folders(run).root)
    }
}

fn result_ref(run: RunId) -> String {
    format!("refs/orch/runs/{run}")
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Removes a folder that may not be there. Links in it are removed, never followed.
fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Gives a folder and all in it to a user, where that is not us. Only for what no agent has seen.
fn give(path: &Path, owner: (u32, u32)) -> io::Result<()> {
    if owner.0 == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    lchown(path, Some(owner.0), Some(owner.1))?;
    if path.symlink_metadata()?.is_dir() {
        for entry in fs::read_dir(path)? {
            give(&entry?.path(), owner)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
