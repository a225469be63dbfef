//! Why a template could not be read or rendered. Every variant says which template, and where in it as far as known.

use crate::error::Hint;
use crate::inventory::{Minor, NodeName};
use std::path::PathBuf;

/// Why a template could not be read or rendered.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// A file or folder of the user's templates could not be read.
    #[error("read template {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file among the user's templates is not named as a template.
    #[error("{} is not a template: their names end in `.tera`", path.display())]
    Name {
        /// The file.
        path: PathBuf,
    },
    /// The inventory could not be made into variables.
    #[error("give the inventory to the templates")]
    Variables {
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The front matter or the body is not written as it must be.
    #[error("{template}:{line}:{column}: {reason}")]
    Syntax {
        /// The template, as a path below `templates/`.
        template: String,
        /// Line in the file, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong.
        reason: String,
    },
    /// A body could not be rendered for a node.
    #[error("{template}:{line}:{column}: render for {node}: {reason}")]
    Render {
        /// The template.
        template: String,
        /// Line in the file, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// For which node.
        node: NodeName,
        /// What is wrong.
        reason: String,
    },
    /// What was rendered is not what its kind must be.
    #[error("{template}: what it renders for {node} is not usable: {reason}")]
    Shape {
        /// The template.
        template: String,
        /// For which node.
        node: NodeName,
        /// What is wrong; a line in it counts from the start of the rendered body.
        reason: String,
    },
    /// Two templates want different things.
    #[error(
        "{} and {} disagree about {subject} on {node}: `{}` and `{}`",
        claims[0].by, claims[1].by, claims[0].value, claims[1].value
    )]
    Conflict {
        /// On which node.
        node: NodeName,
        /// What they disagree about: "--profiling of kube-apiserver".
        subject: String,
        /// Who wants what.
        claims: Box<[Claim; 2]>,
    },
    /// A flag does not exist in the node's version: it would be a crash loop.
    #[error("{template}: {component} of Kubernetes {minor} on {node} has no flag --{flag}")]
    UnknownFlag {
        /// Who asks for it: a template, or `inventory`.
        template: String,
        /// Of which component.
        component: String,
        /// The node's version.
        minor: Minor,
        /// On which node.
        node: NodeName,
        /// The flag, without dashes.
        flag: String,
        /// What the user may have meant.
        remedy: Option<Box<str>>,
    },
    /// A flag does not take a value in the node's version: it would be a crash loop.
    #[error("{template}: --{flag} of {component} of Kubernetes {minor} on {node} does not know {value}")]
    UnknownValue {
        /// Who asks for it: a template, or `inventory`.
        template: String,
        /// Of which component.
        component: Box<str>,
        /// The node's version.
        minor: Minor,
        /// On which node.
        node: NodeName,
        /// The flag, without dashes.
        flag: Box<str>,
        /// The value, or the item of a list.
        value: Box<str>,
        /// What the user may have meant.
        remedy: Option<Box<str>>,
    },
    /// A flag names a file that the pod cannot see: it would be a crash loop.
    #[error("{template}: --{flag} of {component} on {node} names {path}, which the pod does not mount")]
    Unmounted {
        /// Who asks for it: a template, or `inventory`.
        template: String,
        /// Of which component.
        component: String,
        /// On which node.
        node: NodeName,
        /// The flag, without dashes.
        flag: String,
        /// The file.
        path: String,
    },
}

/// What one template wants of something that another one speaks of too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The template, or `inventory`.
    pub by: String,
    /// What it wants.
    pub value: String,
}

impl TemplateError {
    /// The template that it is about, as a path below `templates/`; `inventory` where that asks for it, and `None` where
    /// it names a file by itself.
    pub fn template(&self) -> Option<&str> {
        match self {
            Self::Syntax { template, .. }
            | Self::Render { template, .. }
            | Self::Shape { template, .. }
            | Self::UnknownFlag { template, .. }
            | Self::UnknownValue { template, .. }
            | Self::Unmounted { template, .. } => Some(template),
            Self::Conflict { claims, .. } => Some(&claims[0].by),
            Self::Read { .. } | Self::Name { .. } | Self::Variables { .. } => None,
        }
    }

    /// Whether it says the same of another node.
    pub(super) fn same_as(&self, other: &Self) -> bool {
        let without_node = |error: &Self| {
            let text = error.to_string();
            match error.node() {
                Some(node) => text.replace(node.as_str(), ""),
                None => text,
            }
        };
        without_node(self) == without_node(other)
    }

    fn node(&self) -> Option<&NodeName> {
        match self {
            Self::Render { node, .. }
            | Self::Shape { node, .. }
            | Self::Conflict { node, .. }
            | Self::UnknownFlag { node, .. }
            | Self::UnknownValue { node, .. }
            | Self::Unmounted { node, .. } => Some(node),
            Self::Read { .. } | Self::Name { .. } | Self::Variables { .. } | Self::Syntax { .. } => None,
        }
    }
}

impl Hint for TemplateError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownFlag { remedy, .. } | Self::UnknownValue { remedy, .. } => {
                remedy.as_deref().map(str::to_owned)
            }
            Self::Unmounted { component, path, .. } => Some(format!(
                "add a static-pod template for {component} with the flag and a mount of the directory of {path}"
            )),
            Self::Name { .. } => Some(String::from("rename it, or keep it outside the templates folder")),
            _ => None,
        }
    }
}
