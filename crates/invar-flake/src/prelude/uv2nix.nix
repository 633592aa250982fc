# uv2nix: a workspace by its lock. What the lock and pyproject.toml say is read by the program, as `invar.facts.workspaces`.
world:
let
  inherit (world) lib;
  inherit (world.pyproject) pythonPackage folderOf conditions;
  nothing = { packages = [ ]; members = { }; requires-python = ""; locked = false; };
  loadWorkspace = { workspaceRoot, config ? { }, ... }:
    let
      folder = folderOf workspaceRoot;
      facts = invar.facts.workspaces.${folder} or nothing;
      inherit (facts) members;
    in
    {
      inherit config workspaceRoot;
      requires-python = conditions facts.requires-python;
      mkPyprojectOverlay = { sourcePreference ? "wheel", dependencies ? null, environ ? { }, ... }: _final: previous:
        builtins.listToAttrs (map (locked: {
          inherit (locked) name;
          value = pythonPackage {
            inherit (locked) name version;
            locked = true;
            local = if locked.folder == null then null else /. + locked.folder;
          };
        }) facts.packages)
        // {
          invarWorkspaces = (previous.invarWorkspaces or [ ]) ++ [ { inherit folder sourcePreference; inherit (facts) locked; names = map (locked: locked.name) facts.packages; } ];
        };
      mkEditablePyprojectOverlay = { root ? folder, members ? builtins.attrNames facts.members, ... }: _final: previous:
        builtins.listToAttrs (map (name: {
          inherit name;
          value = previous.${name}.override {
            editableRoot = root + lib.removePrefix folder (facts.members.${name}.folder or folder);
          };
        }) (builtins.filter (name: previous ? ${name}) members))
        // { invarWorkspaces = previous.invarWorkspaces or [ ]; };
      deps = {
        default = builtins.mapAttrs (_: member: member.default-groups) members;
        optionals = builtins.mapAttrs (_: member: member.extras) members;
        groups = builtins.mapAttrs (_: member: member.groups) members;
        # Its name in older releases.
        dev = builtins.mapAttrs (_: member: member.groups) members;
        all = builtins.mapAttrs (_: member: lib.unique (member.extras ++ member.groups)) members;
      };
    };
in
{
  lib = {
    workspace = {
      inherit loadWorkspace;
      loadConfig = invar.symbol "uv2nix.lib.workspace.loadConfig";
      discoverWorkspace = invar.symbol "uv2nix.lib.workspace.discoverWorkspace";
    };
    scripts = invar.symbol "uv2nix.lib.scripts";
    lock1 = invar.symbol "uv2nix.lib.lock1";
    overlays = invar.symbol "uv2nix.lib.overlays";
    build = invar.symbol "uv2nix.lib.build";
  };
}
