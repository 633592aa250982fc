# flake-utils: one output for each system.
world:
let
  inherit (world) lib;
  defaultSystems = [ "aarch64-linux" "aarch64-darwin" "x86_64-darwin" "x86_64-linux" ];
  allSystems = lib.systems.doubles.all;
  # The outputs that there are, by what `f` gives for the system at hand; other systems are looked at only when they are asked for.
  eachSystem = systems: f:
    let
      each = lib.genAttrs (lib.unique systems) f;
      shown = each.${invar.facts.system} or (each.${builtins.head systems} or { });
    in
    if systems == [ ] then { }
    else builtins.mapAttrs (output: _: builtins.mapAttrs (_: outputs: outputs.${output}) each) shown;
  eachSystemMap = systems: lib.genAttrs systems;
  eachSystemPassThrough = systems: f:
    let each = lib.genAttrs systems f; in each.${invar.facts.system} or (each.${builtins.head systems});
in
rec {
  inherit defaultSystems allSystems eachSystem eachSystemMap eachSystemPassThrough;
  system = lib.genAttrs allSystems (name: name);
  eachDefaultSystem = eachSystem defaultSystems;
  eachDefaultSystemMap = eachSystemMap defaultSystems;
  eachDefaultSystemPassThrough = eachSystemPassThrough defaultSystems;
  mkApp = { drv, name ? drv.meta.mainProgram or (drv.pname or drv.name), exePath ? drv.passthru.exePath or "/bin/${name}", ... }: {
    type = "app";
    program = "${drv}${exePath}";
    meta = drv.meta or { };
  };
  flattenTree = tree:
    let
      flat = prefix: set: lib.concatMapAttrs (name: value:
        let here = if prefix == "" then name else "${prefix}/${name}";
        in if lib.isDerivation value then { ${here} = value; }
        else if builtins.isAttrs value && (value.recurseForDerivations or false) then flat here value else { }) set;
    in flat "" tree;
  filterPackages = _system: packages: lib.filterAttrs (_: package: !(package.meta.broken or false)) packages;
  meld = inputs: builtins.foldl' (outputs: flake: lib.recursiveUpdate outputs (import flake inputs)) { };
  simpleFlake = { self, nixpkgs, name, overlay ? null, preOverlays ? [ ], shell ? null, systems ? defaultSystems, config ? { }, ... }:
    eachSystem systems (system:
      let
        asOverlay = x: if lib.isFunction x then x else import x;
        pkgs = import nixpkgs { inherit system config; overlays = preOverlays ++ lib.optional (overlay != null) (asOverlay overlay); };
        packages = pkgs.${name} or { };
      in
      { legacyPackages = packages; packages = flattenTree packages; }
      // lib.optionalAttrs (packages ? defaultPackage) { inherit (packages) defaultPackage; }
      // lib.optionalAttrs (shell != null) { devShells.default = (asOverlay shell) { inherit pkgs; }; });
  check-utils = invar.symbol "flake-utils.lib.check-utils";
}
