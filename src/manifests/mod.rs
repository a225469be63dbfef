//! Kubernetes manifests on this machine: what stands in a file or a folder, as objects in the order in which they are applied. It
//! reads files and judges their form alone; what the objects mean is the API's to say, and nothing here talks to one.

mod document;
mod error;

pub use error::{ManifestError, Place, Problem};

use document::{Document, documents};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// How the names of manifests end in a folder.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// An object as it stands in a file. It may be a Secret, and so its `Debug` shows its name alone.
#[derive(Clone, PartialEq)]
pub struct Manifest {
    value: Value,
    place: Place,
}

impl Manifest {
    /// The object; it has an apiVersion, a kind and a name.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Where it stands.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Its kind.
    pub fn kind(&self) -> &str {
        self.text("/kind")
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    /// What users read: `DaemonSet kube-system/cilium`.
    pub fn title(&self) -> String {
        let namespace = self.text("/metadata/namespace");
        let between = if namespace.is_empty() { "" } else { "/" };
        format!("{} {namespace}{between}{}", self.kind(), self.name())
    }

    /// Whether it defines a kind of its own.
    pub fn is_definition(&self) -> bool {
        self.kind() == "CustomResourceDefinition"
    }

    /// Whether others cannot be made before it is there.
    fn comes_first(&self) -> bool {
        self.is_definition() || (self.kind() == "Namespace" && self.text("/apiVersion") == "v1")
    }

    fn text(&self, pointer: &str) -> &str {
        self.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// What no two objects of a cluster share. Two versions of a group show the same objects.
    fn identity(&self) -> [String; 4] {
        let group = self.text("/apiVersion").split_once('/').map_or("", |(group, _)| group);
        let namespace = match self.text("/metadata/namespace") {
            "" => "default",
            namespace => namespace,
        };
        [group, self.kind(), namespace, self.name()].map(str::to_owned)
    }
}

impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Manifest({}, {})", self.title(), self.place)
    }
}

/// The objects of a file, or of the manifests of a folder by name and without the folders below it: Namespaces and
/// CustomResourceDefinitions first, the others as they stand.
pub fn read(path: &Path) -> Result<Vec<Manifest>, ManifestError> {
    let mut found = Vec::new();
    for file in files(path)? {
        let text =
            fs::read_to_string(&file).map_err(|source| ManifestError::Read { path: file.clone(), source })?;
        for document in documents(&file, &text) {
            objects(document?, &mut found)?;
        }
    }
    if found.is_empty() {
        return Err(ManifestError::Empty { path: path.to_owned() });
    }
    refuse_duplicates(&found)?;
    // Stable: what is not moved keeps its order.
    found.sort_by_key(|manifest| !manifest.comes_first());
    Ok(found)
}

fn files(path: &Path) -> Result<Vec<PathBuf>, ManifestError> {
    let failed = |source| ManifestError::Read { path: path.to_owned(), source };
    if !fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        let is_hidden = file.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let is_manifest = file.extension().is_some_and(|end| EXTENSIONS.iter().any(|known| end == *known));
        if is_manifest && !is_hidden && file.is_file() {
            files.push(file);
        }
    }
    if files.is_empty() {
        return Err(ManifestError::NoFiles { path: path.to_owned() });
    }
    files.sort();
    Ok(files)
}

/// The objects of one document: itself, or those of a list.
fn objects(document: Document, found: &mut Vec<Manifest>) -> Result<(), ManifestError> {
    let Document { value, place } = document;
    let problem = |problem| ManifestError::Document { place: place.clone(), problem };
    if value.is_null() {
        return Ok(());
    }
    if !value.is_object() {
        return Err(problem(Problem::NoObject));
    }
    let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
    let item_kind = kind.strip_suffix("List");
    match (item_kind, value.get("items")) {
        (Some(item_kind), Some(Value::Array(items))) => {
            for item in items {
                let mut item = item.clone();
                // The items of `List` say what they are; those of a list of one kind need not.
                if let (false, Value::Object(fields)) = (item_kind.is_empty(), &mut item) {
                    fields.entry("kind").or_insert_with(|| Value::from(item_kind));
                    fields.entry("apiVersion").or_insert_with(|| value["apiVersion"].clone());
                }
                found.push(object(item, &place)?);
            }
        }
        _ => found.push(object(value, &place)?),
    }
    Ok(())
}

fn object(value: Value, place: &Place) -> Result<Manifest, ManifestError> {
    let problem = |problem| ManifestError::Document { place: place.clone(), problem };
    if !value.is_object() {
        return Err(problem(Problem::NoObject));
    }
    for (pointer, key) in
        [("/apiVersion", "apiVersion"), ("/kind", "kind"), ("/metadata/name", "metadata.name")]
    {
        match value.pointer(pointer) {
            Some(Value::String(text)) if !text.is_empty() => {}
            // A name of digits alone is a number in YAML.
            Some(other) if !other.is_null() && !other.is_string() => {
                return Err(problem(Problem::NoText { key }));
            }
            _ => return Err(problem(Problem::Missing { key })),
        }
    }
    if let Some(namespace) = value.pointer("/metadata/namespace")
        && !namespace.is_string()
        && !namespace.is_null()
    {
        return Err(problem(Problem::NoText { key: "metadata.namespace" }));
    }
    Ok(Manifest { value, place: place.clone() })
}

fn refuse_duplicates(found: &[Manifest]) -> Result<(), ManifestError> {
    let mut seen: BTreeMap<[String; 4], &Manifest> = BTreeMap::new();
    for manifest in found {
        if let Some(first) = seen.insert(manifest.identity(), manifest) {
            let problem = Problem::Duplicate { object: manifest.title(), first: first.place.clone() };
            return Err(ManifestError::Document { place: manifest.place.clone(), problem });
        }
    }
    Ok(())
}
