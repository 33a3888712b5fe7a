#!/usr/bin/env bash
# Prints the path of a Bicep compiler: BICEP, or the one in the NuGet package, which is restored where dotnet is there.
# Called by .ci/run. It prints nothing and fails where no compiler can be had; tests then compare hashes instead.
# .NET is used for nothing else.
set -euo pipefail
version=0.49.2

if [[ -n "${BICEP:-}" ]]; then
  echo "$BICEP"
  exit
fi
[[ "$(uname -sm)" == 'Linux x86_64' ]] && command -v dotnet >/dev/null || exit 1
cache="${XDG_CACHE_HOME:-$HOME/.cache}/ordinal/bicep-$version"
compiler="$cache/packages/azure.bicep.commandline.linux-x64/$version/tools/bicep"
if [[ ! -f "$compiler" ]]; then
  mkdir -p "$cache"
  cat >"$cache/bicep.csproj" <<XML
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup><TargetFramework>net\$(BundledNETCoreAppTargetFrameworkVersion)</TargetFramework></PropertyGroup>
  <ItemGroup><PackageDownload Include="Azure.Bicep.CommandLine.linux-x64" Version="[$version]" /></ItemGroup>
</Project>
XML
  DOTNET_CLI_TELEMETRY_OPTOUT=1 dotnet restore "$cache/bicep.csproj" --packages "$cache/packages" >&2
fi
chmod u+x "$compiler"
echo "$compiler"
