{ lib, stdenv, makeWrapper, python3, port ? 8000, withDocs ? false }:
stdenv.mkDerivation (finalAttrs: {
  pname = "service";
  version = "1.2";
  src = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.difference (lib.fileset.unions [ ../src ../README.md ]) (lib.fileset.maybeMissing ../src/tests);
  };
  nativeBuildInputs = [ makeWrapper ] ++ lib.optional withDocs python3.pkgs.sphinx;
  buildInputs = [ (python3.withPackages (ps: with ps; [ flask requests ])) ];
  PORT = port;
  installPhase = ''
    install -Dm755 src/serve.py $out/bin/${finalAttrs.pname}
    wrapProgram $out/bin/service --set PORT ${toString finalAttrs.PORT}
  '';
  passthru.self = finalAttrs.finalPackage;
  meta.mainProgram = "service";
})
