{
  outputs = { self, nixpkgs, pyproject-nix, unknown-tools }:
    let
      system = "x86_64-linux";
      pkgs = nixpkgs.legacyPackages.${system}.extend (final: prev: {
        python312 = prev.python312.override {
          packageOverrides = pyfinal: pyprev: {
            flask = pyprev.flask.overridePythonAttrs (old: { doCheck = false; propagatedBuildInputs = old.propagatedBuildInputs ++ [ final.libffi ]; });
          };
        };
      });
      inherit (pkgs) lib;
      project = pyproject-nix.lib.project.loadPyproject { projectRoot = ./.; };
      python = pkgs.python312;
      environment = python.withPackages (project.renderers.withPackages { inherit python; extras = [ "web" ]; });
      application = python.pkgs.buildPythonApplication (project.renderers.buildPythonPackage { inherit python; } // {
        nativeCheckInputs = with python.pkgs; [ pytest ];
        postInstall = "rm -r $out/share";
      });
      script = pkgs.writeShellApplication {
        name = "entry";
        runtimeInputs = with pkgs; [ coreutils environment ];
        text = "exec python -m app \"$@\"";
      };
      config = { Cmd = [ "${script}/bin/entry" ]; Volumes = { "/data" = { }; }; WorkingDir = "/app"; };
      strange = unknown-tools.lib.wrap { inherit environment; };
    in
    {
      packages.${system} = rec {
        layered = pkgs.dockerTools.buildLayeredImage {
          name = "layered";
          contents = with pkgs; [ dockerTools.fakeNss dockerTools.caCertificates dockerTools.binSh tini pkgs.iana-etc strange ./config ];
          inherit config;
          extraCommands = ''
            mkdir -p app tmp
            cp -r ${./src}/. app/
          '';
          fakeRootCommands = "chown 1000 ./app";
          enableFakechroot = true;
          maxLayers = 100;
          created = "now";
          unheard = 1;
        };
        streamed = pkgs.dockerTools.streamLayeredImage ({ name = "streamed"; tag = "1"; } // (if unknown-tools.big then { contents = [ script ]; } else { inherit config; }));
        based = pkgs.dockerTools.buildImage {
          name = "based";
          fromImage = pkgs.dockerTools.pullImage { imageName = "alpine"; imageDigest = "sha256:00"; sha256 = lib.fakeSha256; };
          runAsRoot = "#!${pkgs.runtimeShell}\nmkdir /data";
          config = config // { Env = [ (if unknown-tools.debug then "DEBUG=1" else "DEBUG=0") "WHEN=${toString self.lastModified}" ]; };
          copyToRoot = pkgs.symlinkJoin { name = "joined"; paths = [ application (lib.getLib pkgs.openssl) pkgs.postgresql.dev ]; postBuild = "rm $out/x"; };
        };
        inherit application environment;
        written = pkgs.writeTextDir "etc/app.conf" (lib.generators.toINI { } { server.port = 80; });
        run = pkgs.runCommand "run" { nativeBuildInputs = [ pkgs.nodejs ]; A = 1; } "mkdir $out; cp ${lib.cleanSource ./.}/x $out";
        node = pkgs.buildNpmPackage { pname = "node"; version = "1"; src = ./web; npmDepsHash = lib.fakeHash; };
        fetched = pkgs.fetchurl { url = "https://example.org/x"; hash = ""; };
        both = pkgs.writeText "both" "${script}/bin ${script.outPath} ${./src/main.py} ${self}/flake.nix ${unknown-tools}";
        loop = loop;
        broken = pkgs.mkShell { packages = [ pkgs.git (throw "not here") ]; A = throw "nor here"; B = "fine"; };
      };
      devShells.${system}.default = pkgs.mkShell.override { stdenv = pkgs.clangStdenv; } {
        inputsFrom = [ self.packages.${system}.run ];
        nativeBuildInputs = with pkgs; [ python (python.withPackages (ps: [ ps.ipython ])) xorg.libX11 nodePackages.prettier ];
        LD_LIBRARY_PATH = lib.makeLibraryPath [ pkgs.zlib pkgs.stdenv.cc.cc ];
        env.RUST_LOG = "info";
      };
    };
}
