# blueprint: outputs by the names of files and folders.
world:
let
  inherit (world) lib;
  # The Nix files and folders of a folder by their names, without their endings.
  entries = folder:
    if !(builtins.pathExists folder) then { }
    else
      let
        listed = builtins.readDir folder;
        folders = lib.filterAttrs (_: kind: kind == "directory") listed;
        files = lib.filterAttrs (name: kind: kind != "directory" && lib.hasSuffix ".nix" name) listed;
      in
      builtins.mapAttrs (name: _: folder + "/${name}") folders
      // lib.mapAttrs' (name: _: { name = lib.removeSuffix ".nix" name; value = folder + "/${name}"; }) files;
  optional = path: name: if builtins.pathExists path then { ${name} = path; } else { };
in
{ inputs, prefix ? null, systems ? [ "aarch64-darwin" "aarch64-linux" "x86_64-darwin" "x86_64-linux" ], nixpkgs ? { }, ... }:
let
  inherit (inputs) self;
  src = if prefix == null then self.outPath else if builtins.isPath prefix then prefix else self.outPath + "/" + lib.removeSuffix "/" prefix;
  wanted = if !(invar.isSymbol systems) && builtins.isList systems then systems else [ invar.facts.system ];
  each = f: lib.genAttrs wanted f;
  argumentsOf = system: rec {
    inherit inputs system;
    flake = self;
    pkgs =
      if nixpkgs == { } then inputs.nixpkgs.legacyPackages.${system}
      else import inputs.nixpkgs ({ inherit system; } // nixpkgs);
    perSystem = builtins.mapAttrs (name: input:
      if name == "self" then self.packages.${system}
      else invar.open {
        name = "perSystem.${name}";
        missing = output: input.packages.${system}.${output};
      }) inputs;
  };
  # A file's function with the arguments that it names.
  load = system: name: path:
    let
      function = import path;
      all = argumentsOf system // { pname = name; };
      packages = all.pkgs;
      wanted = lib.functionArgs function;
    in
    if !(lib.isFunction function) then function
    else if wanted == { } then function all
    else function (builtins.mapAttrs (argument: _: all.${argument} or packages.${argument}) wanted
      // builtins.intersectAttrs all all);
  loaded = files: each (system: builtins.mapAttrs (load system) files);
in
{
  packages = loaded (entries (src + "/packages") // optional (src + "/package.nix") "default" // optional (src + "/formatter.nix") "formatter");
  devShells = loaded (entries (src + "/devshells") // optional (src + "/devshell.nix") "default");
  checks = loaded (entries (src + "/checks"));
  lib = if builtins.pathExists (src + "/lib/default.nix") then import (src + "/lib/default.nix") { inherit inputs; flake = self; } else { };
}
