# Given a key, bare or dotted, return it as TOML writes it: quoted only where it must be.
function lifeboat_wso2::toml_key(String[1] $key) >> String {
  if $key =~ /\A[A-Za-z0-9_.'"-]+\z/ { $key } else { lifeboat_wso2::toml($key) }
}
