import { render } from "preact";
import { useEffect, useState } from "preact/hooks";

interface Nap {
  place: string;
  minutes: number;
}

async function nextNap(): Promise<Nap> {
  const answer = await fetch("api/nap");
  if (!answer.ok) {
    throw new Error(`the cat is out (${answer.status})`);
  }
  return answer.json();
}

function CatNaps() {
  const [text, setText] = useState("");
  const wake = () =>
    nextNap().then(
      ({ place, minutes }) => setText(`${minutes} minutes ${place}`),
      (error: Error) => setText(error.message),
    );
  useEffect(() => void wake(), []);
  return (
    <main>
      <h1>Cat Naps</h1>
      <p>{text}</p>
      <button onClick={wake}>Another one</button>
    </main>
  );
}

render(<CatNaps />, document.body);
