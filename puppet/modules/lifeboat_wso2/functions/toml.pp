# Given a value, return it as TOML writes it.
function lifeboat_wso2::toml(Variant[String, Numeric, Boolean, Array, Hash, Sensitive] $value) >> String {
  case $value {
    Sensitive: { lifeboat_wso2::toml($value.unwrap) }
    String: {
      $escaped = regsubst(regsubst($value, '\\\\', '\\\\\\\\', 'G'), '"', '\\"', 'G')
      $lines = regsubst(regsubst(regsubst($escaped, "\n", '\\n', 'G'), "\r", '\\r', 'G'), "\t", '\\t', 'G')
      "\"${lines}\""
    }
    Array: {
      $items = $value.map |$item| { lifeboat_wso2::toml($item) }
      "[${items.join(', ')}]"
    }
    Hash: {
      $pairs = $value.map |$key, $item| { "${lifeboat_wso2::toml_key($key)} = ${lifeboat_wso2::toml($item)}" }
      "{ ${pairs.join(', ')} }"
    }
    default: { String($value) }
  }
}
