# Unpacks a pack beside its home and renames it there when it is whole: an interrupted run leaves no half home. `mv -n`
# replaces nothing, so a home that is there by now stays, and then `rmdir` fails.
pack=$1 home=$2 owner=$3
parent=$(dirname "$home")
mkdir -p "$parent"
rm -rf "$home".unpacking-*
place=$(mktemp -d "$home.unpacking-XXXXXX")
unzip -q "$pack" -d "$place"
top=$(ls -A "$place")
if [ "$(printf '%s\n' "$top" | wc -l)" != 1 ] || ! [ -d "$place/$top" ]; then
    echo "$pack does not hold exactly one directory: $top" >&2
    rm -rf "$place"
    exit 1
fi
chown -R "$owner" "$place/$top"
mv -T -n "$place/$top" "$home"
rmdir "$place"
