# Names: systems, platforms, licenses, versions, text formats.
lib:
let
  linux = [ "x86_64-linux" "aarch64-linux" "armv7l-linux" "i686-linux" "riscv64-linux" "powerpc64le-linux" ];
  darwin = [ "x86_64-darwin" "aarch64-darwin" ];
  license = name: { shortName = name; spdxId = name; fullName = name; free = true; redistributable = true; deprecated = false; };
  keyValue = separator: key: value: "${key}${separator}${lib.generators.mkValueStringDefault { } value}";
  # Names of the library whose meaning no image depends on: what they give is not known.
  named = builtins.listToAttrs (map (name: { inherit name; value = invar.symbol "lib.${name}"; }) [
    "gvariant" "options" "kernel" "network" "nixosSystem" "nixos" "fetchers" "misc" "stringsWithDeps" "hm" "allowUnfreeCudaPredicate"
    "textClosureList" "textClosureMap" "noDepEntry" "fullDepEntry" "packEntry" "stringAfter" "listDfs" "updateName" "appendToName"
    "mapDerivationAttrset" "lowPrioSet" "hiPrioSet" "pathHasContext" "canCleanSource" "unifyModuleSyntax" "mergeModules"
    "mkAliasDefinitions" "mkAliasAndWrapDefinitions" "fixMergeModules" "mkMergedOptionModule" "mkChangedOptionModule"
    "mkAliasOptionModule" "doRename" "mergeDefaultOption" "mergeOneOption" "mergeEqualOption" "getValues" "getFiles" "literalExample"
    "showOption" "showFiles" "unknownModule" "defaultTypeMerge" "defaultFunctor" "isOptionType" "mkOptionType" "runTests" "maybeEnv"
    "closePropagation" "licensesSpdx" "dontDistribute"
  ]);
in
named // {
  mapAttrsFlatten = lib.mapAttrsToList;
  zipWithNames = lib.zipAttrsWithNames;
  imap = lib.imap1;
  nvs = lib.nameValuePair;
  toBase = lib.toBaseDigits;
  mkStrict = x: x;
  mkFixStrictness = x: x;
  warnOnInstantiate = _message: package: package;
  importApply = path: arguments: import path arguments;
  systems = {
    flakeExposed = linux ++ darwin;
    doubles = { all = linux ++ darwin; inherit linux darwin; unix = linux ++ darwin; };
    elaborate = system: lib.platformOf (if builtins.isAttrs system then system.system or system.config else system);
    inspect = { };
    equals = a: b: a.system == b.system;
    parse.mkSystemFromString = text: { inherit text; };
    examples = { };
  };
  platforms = {
    inherit linux darwin;
    all = linux ++ darwin;
    unix = linux ++ darwin;
    x86_64 = [ "x86_64-linux" "x86_64-darwin" ];
    aarch64 = [ "aarch64-linux" "aarch64-darwin" ];
    x86 = [ "i686-linux" "x86_64-linux" "x86_64-darwin" ];
    none = [ ];
    windows = [ "x86_64-windows" ];
    gnu = linux;
    freebsd = [ ];
    openbsd = [ ];
  };
  # What is asked of a platform, of the system's two parts.
  platformOf = system:
    let
      parts = lib.splitString "-" system;
      cpu = builtins.head parts;
      kernel = builtins.elemAt parts 1;
      isLinux = kernel == "linux";
      isDarwin = kernel == "darwin";
      isx86_64 = cpu == "x86_64";
      isAarch64 = cpu == "aarch64";
      goArch = { x86_64 = "amd64"; aarch64 = "arm64"; i686 = "386"; armv7l = "arm"; riscv64 = "riscv64"; }.${cpu} or cpu;
    in
    {
      inherit system isLinux isDarwin isx86_64 isAarch64;
      config = if isLinux then "${cpu}-unknown-linux-gnu" else if isDarwin then "${if isAarch64 then "arm64" else cpu}-apple-darwin" else system;
      isUnix = isLinux || isDarwin;
      isx86 = isx86_64 || cpu == "i686";
      isx86_32 = cpu == "i686";
      isi686 = cpu == "i686";
      isAarch32 = cpu == "armv7l";
      isArmv7 = cpu == "armv7l";
      isAarch = isAarch64 || cpu == "armv7l";
      isArm = false;
      isRiscV = cpu == "riscv64";
      isPower = false;
      isMips = false;
      isS390x = false;
      isLoongArch64 = false;
      is64bit = cpu != "i686" && cpu != "armv7l";
      is32bit = cpu == "i686" || cpu == "armv7l";
      isLittleEndian = true;
      isBigEndian = false;
      isGnu = isLinux;
      isGlibc = isLinux;
      isMusl = false;
      isStatic = false;
      isMinGW = false;
      isWindows = false;
      isCygwin = false;
      isFreeBSD = false;
      isOpenBSD = false;
      isNetBSD = false;
      isBSD = isDarwin;
      isMacOS = isDarwin;
      isiOS = false;
      isWasm = false;
      isWasi = false;
      isAndroid = false;
      isElf = isLinux;
      isMachO = isDarwin;
      hasSharedLibraries = true;
      isCompatible = _: true;
      canExecute = other: other.system == system;
      emulatorAvailable = _: false;
      libc = if isLinux then "glibc" else "libSystem";
      linuxArch = if isAarch64 then "arm64" else cpu;
      qemuArch = cpu;
      darwinArch = if isAarch64 then "arm64" else cpu;
      darwinMinVersion = "14.0";
      uname = { processor = cpu; system = if isLinux then "Linux" else "Darwin"; release = null; };
      extensions = {
        sharedLibrary = if isDarwin then ".dylib" else ".so";
        staticLibrary = ".a";
        library = if isDarwin then ".dylib" else ".so";
        executable = "";
      };
      parsed = {
        cpu = { name = cpu; bits = if cpu == "i686" || cpu == "armv7l" then 32 else 64; family = if isx86_64 then "x86" else "arm"; };
        kernel = { name = kernel; };
        abi = { name = if isLinux then "gnu" else "unknown"; };
        vendor = { name = if isDarwin then "apple" else "unknown"; };
      };
      go = { GOARCH = goArch; GOOS = kernel; };
      node = { arch = if isx86_64 then "x64" else goArch; platform = kernel; };
      rust = { rustcTarget = "${cpu}-${if isLinux then "unknown-linux-gnu" else "apple-darwin"}"; rustcTargetSpec = "${cpu}-${if isLinux then "unknown-linux-gnu" else "apple-darwin"}"; };
      gcc = { };
      # A platform is written as its system in texts.
      __toString = _: system;
    };
  # Licenses and maintainers describe a package: none of them reaches an image.
  licenses = invar.open { name = "lib.licenses"; missing = license; };
  maintainers = invar.open { name = "lib.maintainers"; missing = name: { inherit name; github = name; }; };
  teams = invar.open { name = "lib.teams"; missing = name: { inherit name; members = [ ]; }; };
  sourceTypes = { fromSource = "fromSource"; binaryNativeCode = "binaryNativeCode"; binaryBytecode = "binaryBytecode"; binaryFirmware = "binaryFirmware"; };
  fakeHash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
  fakeSha256 = lib.replicateString 64 "0";
  fakeSha512 = lib.replicateString 128 "0";
  meta = {
    addMetaAttrs = new: package: package // { meta = (package.meta or { }) // new; };
    setName = name: package: package // { inherit name; };
    getLicenseFromSpdxId = license;
    availableOn = _: _: true;
    platformMatch = platform: wanted: if builtins.isString wanted then platform.system == wanted else true;
    hiPrio = package: package;
    lowPrio = package: package;
    setPrio = _: package: package;
    inherit (lib) getExe getExe';
  };
  versions = {
    splitVersion = builtins.splitVersion;
    major = version: builtins.elemAt (builtins.splitVersion version) 0;
    minor = version: builtins.elemAt (builtins.splitVersion version) 1;
    patch = version: builtins.elemAt (builtins.splitVersion version) 2;
    majorMinor = version: builtins.concatStringsSep "." (lib.take 2 (builtins.splitVersion version));
    pad = n: version: builtins.concatStringsSep "." (lib.take n (builtins.splitVersion version ++ lib.replicate n "0"));
  };
  generators = {
    mkValueStringDefault = { }: value:
      if builtins.isInt value || builtins.isFloat value then toString value
      else if value == true then "true" else if value == false then "false" else if value == null then "null"
      else toString value;
    mkKeyValueDefault = { mkValueString ? lib.generators.mkValueStringDefault { } }: separator: key: value:
      "${lib.escape [ separator ] key}${separator}${mkValueString value}";
    toKeyValue = { mkKeyValue ? keyValue "=", listsAsDuplicateKeys ? false, indent ? "" }: set:
      lib.concatStrings (builtins.concatMap (name:
        let values = if listsAsDuplicateKeys then lib.toList set.${name} else [ set.${name} ];
        in map (value: indent + mkKeyValue name value + "\n") values) (builtins.attrNames set));
    toINI = { mkSectionName ? (name: name), mkKeyValue ? keyValue "=", listsAsDuplicateKeys ? false }: sections:
      builtins.concatStringsSep "\n" (lib.mapAttrsToList (name: values:
        "[${mkSectionName name}]\n" + lib.generators.toKeyValue { inherit mkKeyValue listsAsDuplicateKeys; } values) sections);
    toINIWithGlobalSection = options: { globalSection, sections ? { } }:
      lib.generators.toKeyValue { } globalSection + lib.generators.toINI options sections;
    toGitINI = lib.generators.toINI { };
    toJSON = { }: builtins.toJSON;
    toYAML = { }: builtins.toJSON;
    toPretty = { ... }: builtins.toJSON;
    toPlist = { ... }: builtins.toJSON;
    toLua = { ... }: builtins.toJSON;
    toDhall = { ... }: builtins.toJSON;
    mkLuaInline = text: text;
  };
  cli = {
    toGNUCommandLine = { mkOptionName ? (k: if builtins.stringLength k == 1 then "-${k}" else "--${k}"), ... }: options:
      builtins.concatLists (lib.mapAttrsToList (name: value:
        if value == true then [ (mkOptionName name) ]
        else if value == false || value == null then [ ]
        else builtins.concatMap (v: [ (mkOptionName name) (toString v) ]) (lib.toList value)) options);
    toGNUCommandLineShell = settings: options: lib.escapeShellArgs (lib.cli.toGNUCommandLine settings options);
  };
  inherit (lib.meta) addMetaAttrs setName hiPrio lowPrio setPrio getLicenseFromSpdxId availableOn;
  customisation = { inherit (lib) makeOverridable callPackageWith callPackagesWith makeScope overrideDerivation extendDerivation hydraJob; };
  trivial = lib // { release = "25.11"; version = "25.11"; codeName = "Xantusia"; versionSuffix = ""; };
  version = "25.11";
  release = "25.11";
  nixpkgsVersion = "25.11";
}
