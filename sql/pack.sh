#!/bin/sh
# Builds the install script on standard output from the parts named in
# sql/manifest: toolbox files as they are, hub and report files packed as rows
# of omnicrm.hub_source, from which omnicrm.deploy() and upgrade() run them.
set -eu
version=$1
cd "$(dirname "$0")/.."
echo "/* omnicrm--$version.sql: built from sql/manifest, do not edit */"
printf '%s\n' '\echo Use "CREATE EXTENSION omnicrm" to load this file. \quit'
position=0
while read -r kind file; do
	case $kind in
	'' | '#'*) continue ;;
	toolbox)
		printf '\n/* ---- %s ---- */\n' "$file"
		cat "$file" ;;
	tables | changes | code | report)
		position=$((position + 1))
		if grep -q 'omnicrm_hub_part' "$file"; then
			echo "pack.sh: $file must not contain the packing delimiter" >&2
			exit 1
		fi
		printf '\n/* ---- %s ---- */\n' "$file"
		printf "INSERT INTO omnicrm.hub_source (position, kind, path, body) VALUES (%d, '%s', '%s', \$omnicrm_hub_part\$\n" \
			"$position" "$kind" "$file"
		cat "$file"
		printf '$omnicrm_hub_part$);\n' ;;
	*)
		echo "pack.sh: unknown kind $kind in sql/manifest" >&2
		exit 1 ;;
	esac
done < sql/manifest
