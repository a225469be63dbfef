//! The cluster's own records in a drift check: kubeadm's ConfigMaps, read through the API of a control-plane node.

use super::gather::Check;
use crate::cli::Error;
use crate::drift::Report;
use crate::event::Listener;
use crate::inventory::NodeName;
use crate::remote::Reader;
use crate::resource::{Desired, Observed};
use std::collections::BTreeMap;

pub(super) fn judge(
    _check: &Check<'_>,
    _desired: &BTreeMap<NodeName, Desired>,
    _observed: BTreeMap<NodeName, Observed>,
    _readers: BTreeMap<NodeName, Box<dyn Reader>>,
    _report: &mut Report,
    _listener: &Listener<'_>,
) -> Result<(), Error> {
    Ok(())
}
