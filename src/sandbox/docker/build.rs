//! Images that orch makes itself, from Dockerfiles that it carries.

use bollard::Docker;
use bollard::query_parameters::BuildImageOptionsBuilder;
use futures_util::StreamExt;

use super::error::{Engine, status};
use crate::sandbox::SandboxError;

/// The name of the base image; its tag grows when the Dockerfile changes.
const BASE: &str = "orch/base:1";
const BASE_DOCKERFILE: &str = include_str!("../../../images/base/Dockerfile");

/// Whether an image that is not there can be made.
pub(super) fn is_made_here(image: &str) -> bool {
    image == BASE
}

/// Makes the image if it is ours and not there.
pub(super) async fn provide(
    docker: &Docker,
    engine: &Engine,
    image: &str,
    told: &(dyn Fn(String) + Send + Sync),
) -> Result<(), SandboxError> {
    match docker.inspect_image(image).await {
        Ok(_) => return Ok(()),
        Err(error) if status(&error) == Some(404) => {}
        Err(error) => return Err(engine.error("look at the image", error)),
    }
    if !is_made_here(image) {
        return Err(SandboxError::ImageMissing(image.to_owned()));
    }
    told(format!("the image {image} is not there yet: making it, this once"));
    let failed = |source: String| SandboxError::Failed {
        action: format!("make the image {image}"),
        source: source.into(),
    };
    let context = context(BASE_DOCKERFILE).map_err(|error| failed(error.to_string()))?;
    let options = BuildImageOptionsBuilder::default()
        .dockerfile("Dockerfile")
        .t(image)
        .rm(true)
        .forcerm(true)
        .networkmode("host")
        .build();
    let body = bollard::body_full(context.into());
    let mut progress = Box::pin(docker.build_image(options, None, Some(body)));
    while let Some(step) = progress.next().await {
        let step = step.map_err(|error| engine.error(&format!("make the image {image}"), error))?;
        if let Some(error) = step.error_detail {
            return Err(failed(error.message.unwrap_or_else(|| "no reason given".to_owned())));
        }
        for line in step.stream.iter().flat_map(|text| text.lines()) {
            if !line.trim().is_empty() {
                told(line.trim_end().to_owned());
            }
        }
    }
    Ok(())
}

/// A build context with nothing but the Dockerfile.
fn context(dockerfile: &str) -> std::io::Result<Vec<u8>> {
    let mut header = tar::Header::new_gnu();
    header.set_size(dockerfile.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_data(&mut header, "Dockerfile", dockerfile.as_bytes())?;
    archive.into_inner()
}
