//! The JSON Schema of the inventory, for editors and for the reader. It is made from the types in `raw`.

use super::raw::RawInventory;
use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::Value;

/// The JSON Schema (draft 7, which every TOML editor reads) of the inventory.
pub fn schema() -> String {
    format!("{:#}\n", value())
}

/// The same as a value, every definition written where it is used.
pub(super) fn value() -> Value {
    SchemaSettings::draft07()
        .with(|settings| settings.inline_subschemas = true)
        .with_transform(RecursiveTransform(without_null))
        .into_generator()
        .into_root_schema_for::<RawInventory>()
        .to_value()
}

/// TOML has no null: what is optional is left out.
fn without_null(schema: &mut Schema) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert(String::from("type"), only);
        }
    }
    if let Some(Value::Array(mut choices)) = schema.remove("anyOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
        if let [Value::Object(only)] = choices.as_slice() {
            for (key, value) in only {
                schema.ensure_object().entry(key).or_insert_with(|| value.clone());
            }
        } else {
            schema.insert(String::from("anyOf"), Value::Array(choices));
        }
    }
}
