import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { TidemarkProvider } from "tidemark-client/react";
import { App } from "./app.js";
import "./app.css";

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <TidemarkProvider database="default">
      <App />
    </TidemarkProvider>
  </StrictMode>,
);
