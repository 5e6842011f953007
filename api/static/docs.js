// Starts Swagger UI on the document named in the page; nothing is fetched from another host.
"use strict";

const place = document.getElementById("swagger-ui");

SwaggerUIBundle({
  url: place.dataset.url,
  domNode: place,
  deepLinking: true,
  displayRequestDuration: true,
  // Swagger's own checker would send the document to another host.
  validatorUrl: null,
});
