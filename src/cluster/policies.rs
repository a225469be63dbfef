//! What benchmarks ask of the cluster as a whole.

use super::{Api, ClusterError};
use crate::resource::{ClusterEvidence, ConfigMapKey};

impl Api {
    /// Everything that benchmarks ask of the cluster as a whole.
    pub fn policy_evidence(&self) -> Result<ClusterEvidence, ClusterError> {
        let mut evidence = ClusterEvidence::default();
        for key in [ConfigMapKey::ClusterConfiguration, ConfigMapKey::KubeletConfiguration] {
            evidence.config_maps.extend(self.observed_key(key)?.map(|observed| (key, observed.value)));
        }
        Ok(evidence)
    }
}
