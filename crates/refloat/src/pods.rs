//! What a pod runs, as far as the command line asks.

use crate::releases;
use refloat_cli::arguments::ClusterArguments;
use refloat_cli::error::{CliError, EXIT_NOT_FOUND};

/// The digests of the images that a pod runs.
pub(crate) fn images(
    name: &str,
    namespace: &str,
    context: Option<&str>,
) -> Result<Vec<String>, CliError> {
    let cluster = releases::cluster(&ClusterArguments {
        namespace: None,
        kubeconfig: None,
        kube_context: context.map(str::to_owned),
    })?;
    releases::run(async {
        let found = cluster.pod_images(namespace, name).await;
        found
            .map_err(|error| releases::failed(error.into()))?
            .ok_or_else(|| {
                let message = format!("pod `{name}` is not known in `{namespace}`");
                CliError::failed("not_found", message, "name its namespace by -n")
                    .exiting(EXIT_NOT_FOUND)
            })
    })
}
