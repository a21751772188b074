//! Whether a Docker engine answers: the one question that the demo has to it.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

const DEFAULT: &str = "unix:///var/run/docker.sock";
const LIMIT: Duration = Duration::from_secs(3);
const PING: &[u8] = b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n";

/// Asks the engine of the settings, of `DOCKER_HOST`, or at the usual place.
///
/// # Errors
/// Why it does not answer, in words.
pub(super) async fn answers(setting: &str, variable: Option<&str>) -> Result<(), String> {
    let host = match (setting, variable) {
        ("", None) => DEFAULT,
        ("", Some(variable)) => variable,
        (setting, _) => setting,
    };
    let path =
        host.strip_prefix("unix://").ok_or_else(|| format!("{host} is not a unix socket"))?;
    let asking = async {
        let mut stream = UnixStream::connect(path).await?;
        stream.write_all(PING).await?;
        let mut head = [0; 12];
        stream.read_exact(&mut head).await?;
        Ok::<_, std::io::Error>(head)
    };
    match tokio::time::timeout(LIMIT, asking).await {
        Ok(Ok(head)) if head.ends_with(b" 200") => Ok(()),
        Ok(Ok(_)) => Err(format!("{path} answers, but not as Docker does")),
        Ok(Err(error)) => Err(format!("{path}: {error}")),
        Err(_) => Err(format!("{path} was silent for {} s", LIMIT.as_secs())),
    }
}
